"""Job containers: tested before HTCondor starts, used for every payload, tested again for the life of the pilot.

The boot tests (probe, verdict) and writes down what it found (record); HTCondor starts every container through
the front (front), and a cron job of the startd tests again (retest). What a job gets, the tests get (command).
"""
