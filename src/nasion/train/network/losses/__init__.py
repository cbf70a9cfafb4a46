"""What a wrong point costs. A loss is `loss(decoded, target) -> (B, K)`; `network.mean_loss` makes one number.

`target` is (B, K, 2), normalized, without NaN: missing points are taken out around the loss. `requires` names what
the codec must give: "vector" (any codec) or "maps".
"""
