"""`python -m tests.browser.processing FOLDER`: every combination of a browser's microphone processing, measured.

A real Chromium plays minutes with a faint second voice as its microphone, and records them through getUserMedia with
each of the eight combinations of echo cancellation, noise suppression and automatic gain. Printed is a Markdown table:
how much fainter the second voice became against the first, and in how many minutes the local engine finds it.
"""

from __future__ import annotations

import argparse
import base64
import http.server
import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import sync_playwright

from tests.audio import encode
from tests.browser.processing.mixtures import (
    MAIN,
    RATE,
    ROOM_DBFS,
    SECOND,
    Samples,
    active_db,
    decode,
    minute,
    pairs,
    voices,
    write_wav,
)

ROOT: Final = Path(__file__).resolve().parents[3]
BROWSER: Final = ROOT / "client" / "browser"
LEVELS_DB: Final = (0, 10, 20, 30)
KINDS: Final = ("echoCancellation", "noiseSuppression", "autoGainControl")
# The file begins anew for each page that opens the microphone; the last is up to so much later.
LEAD_S: Final = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one minute."""

    second_db: float  # the second voice against the first, compared with the same in what was played
    main_db: float  # the first voice, compared with what was played
    found: bool


def build(folder: Path) -> None:
    """The page, its worklet and the encoder, in one folder."""
    bundle = ["--bundle", "--format=esm", "--target=chrome111", f"--outdir={folder}", "--entry-names=[name]"]
    entries = ["bench/capture.ts", "src/recorder/worklet.ts"]
    subprocess.run(
        [BROWSER / "node_modules/.bin/esbuild", *entries, *bundle, "--log-level=error"], cwd=BROWSER, check=True
    )
    wasm = BROWSER / "node_modules/wasm-media-encoders/wasm/mp3.wasm"
    (folder / "mp3.wasm").write_bytes(wasm.read_bytes())
    (folder / "index.html").write_text('<!doctype html><script type="module" src="capture.js"></script>')


def record(wav: Path, seconds: float, address: str, chromium: str) -> list[dict[str, Any]]:
    """Eight recordings of the file, by combination."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments = [*fake, *quiet, f"--use-file-for-fake-audio-capture={wav}%noloop"]
    arguments += ["--autoplay-policy=no-user-gesture-required"]
    recordings: list[dict[str, Any]]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        # A process each: who opens a microphone that the process has open already shares its processing.
        pages = [browser.new_context().new_page() for _ in range(8)]
        for combination, page in enumerate(pages):
            page.goto(address)
            page.wait_for_function("'record' in globalThis")
            page.evaluate("async (wanted) => { globalThis.running = await record(wanted) }", wanted(combination))
        pages[-1].wait_for_timeout((seconds + LEAD_S) * 1000)
        recordings = [page.evaluate("running.end()") for page in pages]
        browser.close()
    return recordings


def cost(address: str, chromium: str) -> float:
    """What the encoder costs in this Chromium, in ms for a second of sound."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("'cost' in globalThis")
        measured: float = page.evaluate("cost()")
        browser.close()
    return measured


def wanted(combination: int) -> dict[str, bool]:
    """One bit for each kind of processing."""
    return dict(zip(KINDS, (bool(combination & bit) for bit in (4, 2, 1)), strict=True))


def shift(played: Samples, recorded: Samples) -> int:
    """By how many samples the recording is late, from the two envelopes: to 10 ms."""
    hop = RATE // 100
    length = min(played.size, recorded.size) // hop * hop
    a, b = (np.log10((x[:length].reshape(-1, hop) ** 2).mean(1) + 1e-7) for x in (played, recorded))
    size = 2 * a.size
    match = np.fft.irfft(np.fft.rfft(b - b.mean(), size) * np.conj(np.fft.rfft(a - a.mean(), size)), size)
    late = int(np.argmax(match))
    return (late if late < a.size else late - size) * hop


def balance(samples: Samples) -> tuple[float, float]:
    """(second voice against the first, the first) in dB; a second is left out at each change of speaker."""
    first = np.concatenate([samples[int((a + 1) * RATE) : int((b - 1) * RATE)] for a, b in MAIN])
    second = samples[int((SECOND[0] + 0.5) * RATE) : int((SECOND[1] - 0.5) * RATE)]
    return active_db(second) - active_db(first), active_db(first)


def analyse(files: list[Path]) -> list[bool]:
    """Whether the local engine hears more than one voice in each."""
    run = subprocess.run(
        [sys.executable, "-m", "undertone", "analyze", "--json", *files], capture_output=True, text=True, check=True
    )
    return [json.loads(line)["outcome"] == "multiple_voices" for line in run.stdout.splitlines()]


def cut(samples: Samples, late: int, folder: Path, name: str, count: int) -> list[Path]:
    """The recording's minutes as files, a second shorter, so that each is one window."""
    files = []
    for index in range(count):
        begin = late + index * 60 * RATE
        sound = samples[max(0, begin) : begin + 59 * RATE]
        files.append(folder / f"{name}-{index}.mp3")
        files[-1].write_bytes(b"".join(encode(sound[None, :], RATE, bitrate=64_000)))
    return files


def measure(played: Samples, recordings: list[dict[str, Any]], folder: Path, level: int) -> list[list[Heard]]:
    """What became of each minute, by combination."""
    count = played.size // (60 * RATE)
    files = []
    for combination, recording in enumerate(recordings):
        mp3 = folder / f"{combination}-{level}.mp3"
        mp3.write_bytes(base64.b64decode(recording["mp3"]))
        samples = decode(mp3)
        files += cut(samples, shift(played, samples), folder, mp3.stem, count)
    before = [balance(played[index * 60 * RATE : (index + 1) * 60 * RATE]) for index in range(count)]
    heard = []
    for index, (file, found) in enumerate(zip(files, analyse(files), strict=True)):
        after = balance(decode(file))
        was = before[index % count]
        heard.append(Heard(after[0] - was[0], after[1] - was[1], found))
    return [heard[begin : begin + count] for begin in range(0, len(heard), count)]


def table(results: dict[tuple[int, int], list[Heard]], levels: list[int]) -> str:
    """One row a combination; by level: the second voice's change in dB (median), and minutes in which it was found."""
    lines = [
        "| echo cancellation | noise suppression | automatic gain | first voice |"
        + "".join(f" {-level} dB |" for level in levels),
        "|---|---|---|---|" + "---|" * len(levels),
    ]
    for combination in range(8):
        names = " | ".join("on" if combination & bit else "off" for bit in (4, 2, 1))
        main = np.median([h.main_db for level in levels for h in results[combination, level]])
        cells = [
            f"{np.median([h.second_db for h in heard]):+.0f} dB, {sum(h.found for h in heard)} of {len(heard)}"
            for level in levels
            for heard in [results[combination, level]]
        ]
        lines.append(f"| {names} | {main:+.0f} dB | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.processing", description=__doc__)
    parser.add_argument("speech", type=Path, help="a folder with manifest.jsonl, as ../shared/speech-dev")
    parser.add_argument("--minutes", type=int, default=4, help="pairs of voices, a minute each (default 4)")
    parser.add_argument(
        "--levels", type=int, nargs="+", default=list(LEVELS_DB), help="how many dB fainter the second is"
    )
    parser.add_argument("--room", type=float, default=ROOM_DBFS, help="noise under everything, dBFS (default -65)")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--keep", type=Path, help="leave the recordings in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        site = folder / "site"
        build(site)
        handler = partial(Quiet, directory=str(site))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}/"
            print(f"Encoding costs {cost(address, arguments.chromium):.1f} ms for a second of sound.")
            if arguments.minutes:
                print(table(run(arguments, folder, address), arguments.levels))
            server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing of each file it serves."""


def run(arguments: argparse.Namespace, folder: Path, address: str) -> dict[tuple[int, int], list[Heard]]:
    chosen = [(decode(a.file), decode(b.file)) for a, b in pairs(voices(arguments.speech), arguments.minutes)]
    results: dict[tuple[int, int], list[Heard]] = {}
    for level in arguments.levels:
        rng = np.random.default_rng(5)
        played = np.concatenate([minute(first, second, level, arguments.room, rng) for first, second in chosen])
        wav = folder / f"played-{level}.wav"
        write_wav(wav, played)
        recordings = record(wav, played.size / RATE, address, arguments.chromium)
        for combination, recording in enumerate(recordings):
            got = {kind: recording["settings"][kind] for kind in KINDS}
            if got != wanted(combination):
                raise SystemExit(f"the browser gave {got} where {wanted(combination)} was asked for")
        for combination, heard in enumerate(measure(played, recordings, folder, level)):
            results[combination, level] = heard
        print(f"second voice at {-level} dB: done", file=sys.stderr, flush=True)
    return results


main()
