"""CVMFS: what a bound /cvmfs is worth, or a mount of our own with cvmfsexec; and both for life.

Facts about cvmfsexec and the client, in comments, were observed with cvmfsexec 4.51 and CernVM-FS 2.12.
"""
