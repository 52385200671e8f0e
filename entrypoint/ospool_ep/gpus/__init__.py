"""GPUs: what is there, what of it was given to us, and what a job can use."""
