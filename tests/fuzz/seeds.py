"""Writes the audio from which the fuzzer begins: `python -m tests.fuzz.seeds`. Frames of LAME's, tags, junk."""

from __future__ import annotations

from pathlib import Path

from tests.audio import voice_frames
from tests.core.mp3_factory import SPEECH, ape, frame, header, id3v1, id3v2, information
from tests.fuzz.__main__ import SEEDS

CUT = b"\x00\x02"  # how the target cuts the rest


def messages(*sent: tuple[int, bytes]) -> bytes:
    """As the target `receiver` reads them."""
    return b"".join(bytes([what]) + len(message).to_bytes(2, "big") + message for what, message in sent)


def seeds() -> dict[str, bytes]:
    speech = [
        b"".join(voice_frames(1, rate, bitrate, channels=channels, seed=rate)[2:][:count])
        for rate, bitrate, channels, count in (
            (48_000, 32_000, 1, 12), (44_100, 64_000, 2, 5), (32_000, 32_000, 1, 8), (24_000, 8_000, 1, 16),
            (22_050, 24_000, 2, 10), (16_000, 16_000, 1, 12), (11_025, 8_000, 1, 16), (8_000, 8_000, 1, 12),
        )
    ]  # fmt: skip
    found = {f"lame_{number}": CUT + frames for number, frames in enumerate(speech)}
    small, other = speech[6], speech[7]
    found["variable"] = CUT + b"".join(voice_frames(1, 24_000, vbr_quality=9, seed=3)[2:12])
    found["tags"] = CUT + id3v2(b"cover") + small + id3v1() + ape(b"x") + small[:208]
    found["information"] = CUT + information(b"Xing") + frame() + frame(seed=1) + information(b"VBRI") + frame(seed=2)
    found["change"] = CUT + small[:416] + other[:432]
    found["junk"] = CUT + b"\xff\xe3\x10" + bytes(40) + small[:416] + b"\xff\xfb" + small[420:]
    found["layer_2"] = CUT + (header(SPEECH, layer=2) + bytes(188)) * 3
    hello = b'{"type":"hello","token":"t"}'
    finish = b'{"type":"finish"}'
    gap = b'{"type":"gap","offset":900,"lost_ms":50}'
    found["conversation"] = messages((3, hello), (0, small[:700]), (3, gap), (8, small[:416]), (3, finish))
    owing = b'{"type":"hello","token":"t","stream":1,"buffered_from":99}'
    found["owing"] = messages((3, owing), (3, gap), (5, b""), (0, small[:500]), (6, b""), (7, b""))
    return found


if __name__ == "__main__":
    folder: Path = SEEDS / "audio"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        (folder / name).write_bytes(data)
    print(f"{len(seeds())} seeds, {sum(map(len, seeds().values())):,} bytes")
