"""From surfaces and light to a photograph: triangles, shading, shadows, and the camera's effects."""
