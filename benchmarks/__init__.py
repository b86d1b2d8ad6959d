"""What the product promises in numbers, measured on this machine: `make bench`.

Each figure runs against a throwaway embedded PostgreSQL that syncs every commit, and against the
processes of the Procfile. What is compared is measured in turns within the same run, because
machines are noisy; the middle of several turns counts.
"""
