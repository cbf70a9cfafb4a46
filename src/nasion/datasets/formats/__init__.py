"""Label formats, one module each; see `nasion.datasets` for what a module holds."""
