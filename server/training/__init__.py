"""What makes the learned data of `undertone.diarize.local`; not part of the wheel. See docs/analysis.md."""

import os

# One thread for each numeric library, set before any is imported: sums then come out the same on every machine.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
