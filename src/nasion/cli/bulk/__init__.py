"""The command for millions of images."""
