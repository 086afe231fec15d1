"""How to learn: an experience (which batch comes at step k) and an update (what the batch does to the model)."""
