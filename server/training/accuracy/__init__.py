"""How well the local engine hears: on speech-dev, on simulated windows and on simulated exams (`make accuracy`).

Nothing is fitted here. Figures come with 95 % intervals, twice where windows share their speakers: as if each window
were independent (Wilson), and with whole speakers drawn anew (bootstrap), which is the honest one of the two.
"""
