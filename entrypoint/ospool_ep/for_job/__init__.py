"""Why would no job come? A job's ad against the ad that this pilot would send, clause by clause."""
