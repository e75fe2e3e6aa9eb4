"""What `undertone simulate --help` teaches; no line is wider than a terminal of 80 columns."""

from __future__ import annotations

from typing import Final

from undertone_client.simulate.schedule import KINDS

DESCRIPTION: Final = """\
Play exams against a server and say, promise by promise, what held.

Candidates stream real MP3 files, proctors count every event, and whatever you
ask for goes wrong meanwhile. Then what arrived is compared with what was sent:
no acknowledged byte is missing, every window is judged, every proctor has every
event once and in order, every clip holds just what was said, and nobody noticed
another's rubbish. Exit code: 0 if all of it held, 1 if something did not, 2 if
it could not run.

begin:
  undertone simulate                         two candidates, a minute each, in
                                             real time, on 127.0.0.1:8000
  undertone simulate --speed 20              the same in seconds

make it hard:
  undertone simulate --faults --candidates 10 --proctors 3 --meetings 2 \\
                     --duration 240 --speed 4 --seed 7
  undertone simulate --faults=cut,reload     two kinds of faults alone
  undertone simulate --duration 600 --speed 4 \\
                     --kill pidfile:/run/undertone.pid:every=20s \\
                     --restart "systemctl start undertone"

your own server and your own files:
  undertone simulate --server https://exams.example.org --audio recordings/
  undertone simulate --server https://one.example.org \\
                     --server https://two.example.org

in a script:
  undertone simulate --faults --seed 7 --json > report.json"""

EPILOG: Final = (
    """\
--faults  Each kind strikes a fifth of those it can, and at least one of them,
          where a line has room: those that found none are named at the end.
          Who, when and for how long comes from --seed alone.
"""
    + "".join(f"  {kind:<12}{meaning}\n" for kind, meaning in KINDS.items())
    + """\
  Faults of the line sit in a TCP proxy inside this command, between its clients
  and the server. The proxy reads nothing, so https:// and wss:// work as
  without it, certificates included. HTTP calls do not pass through it, and it
  does not go through an HTTP proxy of your own.

--kill TARGET[:every=30s][:signal=KILL][:for=5s]
  TARGET is pidfile:PATH, which is read again each time, or a PID, which is
  ended once at most. A process that gets STOP gets CONT after `for`. Something
  must start again what was killed: systemd, a container's restart policy, or
  --restart.

--restart COMMAND
  Run by the shell half a second after each kill; said once for all, or once for
  each --kill in their order. It may hand the server over or be the server; it
  outlives the run, and what it prints is dropped unless it goes to a file.
  After signal=TERM a server drains: the command has to wait for its end.

--audio PATH
  With a manifest.jsonl in the folder it is also checked who was heard. One
  object a line: {"file", "seconds", "voices", "second_voice_seconds",
  "segments": [[begin_s, end_s, speaker], ...]}.

A stream may bring 20 minutes of sound at any speed, and then four times real
time: for more, start the server with UNDERTONE_MAX_SPEED=0. SSL_CERT_FILE names
the certificate of a private authority, UNDERTONE_API_KEY the server's key.
Every option with a value can be set as UNDERTONE_<OPTION>; the option wins."""
)
