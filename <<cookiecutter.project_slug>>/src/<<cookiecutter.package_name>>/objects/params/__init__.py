"""The files in `params/`: a module declares the keys of each, and checks what its declaration cannot say."""
