"""Models: one file each with `Options` and `build(options, spec, outputs) -> Model`.

`outputs` is what the codec reads: 2K numbers or K maps. See `nasion.train.network.interfaces.Model`. A model that can
be deepened also defines `grown(options, wanted) -> Options`.
"""
