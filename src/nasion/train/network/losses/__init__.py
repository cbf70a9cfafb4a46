"""Losses: what a wrong keypoint costs.

A loss is a file with `Options`, `REQUIRES` and `loss(decoded, target, options) -> (B, K)`. `target` is (B, K, 2),
normalized, without NaN; `network.mean_loss` excludes missing points and averages. `REQUIRES` names what the codec must
decode from: "vector" (any codec) or "maps".
"""
