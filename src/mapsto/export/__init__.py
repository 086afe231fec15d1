"""What is handed back: the learned function, in a folder of its own."""
