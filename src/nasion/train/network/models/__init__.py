"""Networks. A network is a module with `output_kind` ("vector" or "maps") and `trunk(x) -> features`, `head(features)`.

`build(options, shape, outputs)` makes it; `outputs` is what the codec asks for: 2K numbers or K maps.
A network that can begin with weights of others has `load_pretrained()`, called when a training begins.
"""
