"""Tags and information frames are stepped over, and nothing else is."""

from __future__ import annotations

import io

import av
import pytest

from tests.audio import voice
from tests.core.mp3_factory import (
    FORMATS,
    SPEECH,
    ape,
    chunked,
    frame,
    frames,
    id3v1,
    id3v2,
    information,
    parse,
    places,
)
from undertone.core.mp3 import Format, FrameParser
from undertone.core.tags import MAX_TAG_BYTES


class TestWhatIsNotAudio:
    def test_a_real_file_with_its_tag_and_information_frame(self) -> None:
        file = io.BytesIO()
        with av.open(file, "w", format="mp3", options={"write_xing": "1", "id3v2_version": "3"}) as output:
            output.metadata["title"] = "Two voices"
            stream = output.add_stream("libmp3lame", rate=48_000, layout="mono")
            sound = av.AudioFrame.from_ndarray(voice(1, 48_000), format="fltp", layout="mono")
            sound.sample_rate = 48_000
            for packet in [*stream.encode(sound), *stream.encode(None)]:
                output.mux(packet)
        data = file.getvalue()
        assert data.startswith(b"ID3")
        assert b"Info" in data
        with av.open(io.BytesIO(data), "r") as container:
            packets = sum(packet.size > 0 for packet in container.demux())
        assert len(parse(FrameParser(), [data])) == packets

    @pytest.mark.parametrize("name", [b"Xing", b"Info", b"VBRI"])
    @pytest.mark.parametrize("format_", FORMATS, ids=str)
    def test_information_frames_are_stepped_over(self, name: bytes, format_: Format) -> None:
        information_frame, audio = information(name, format_), frames(2, format_)
        assert parse(FrameParser(), [information_frame, *audio]) == places(audio, len(information_frame))

    def test_what_follows_a_frame_is_audio_whatever_it_says(self) -> None:
        """As a parser that resumes there, and can't know what came before, would take it."""
        chain = [*frames(2), information(b"Xing"), frame()]
        assert parse(FrameParser(), chain) == places(chain)
        assert parse(FrameParser(0, SPEECH), chain[2:]) == places(chain[2:])

    @pytest.mark.parametrize(
        "tag",
        [
            id3v2(bytes(20)),
            id3v2(bytes(20), footer=True),
            id3v2(frame() * 3),
            id3v2(b"\xff\xfb" * 100_000),  # a cover: more than 64 KiB
            ape(b"cover" * 30_000),
            ape(b"")[32:],  # a footer whose header was lost
            id3v1(),
            id3v2(b"") + ape(b"x") + id3v1(),
        ],
        ids=["small", "with footer", "with frames in it", "with a cover", "APE", "APE footer", "ID3v1", "one by one"],
    )
    def test_tags_before_between_and_after(self, tag: bytes) -> None:
        a, b = frames(3, seed=1), frames(3, seed=2)
        data = tag + b"".join(a) + tag + b"".join(b) + tag
        second = 2 * len(tag) + sum(map(len, a))
        for pieces in ([data], chunked(data, [7] * 300)):
            assert parse(FrameParser(), pieces) == places(a, len(tag)) + places(b, second)

    def test_sound_that_reads_like_a_tag_is_sound(self) -> None:
        for magic in (b"TAG", id3v2(b"")[:10]):
            audio = [each[:100] + magic + each[100 + len(magic) :] for each in frames(2)]
            assert parse(FrameParser(), audio) == places(audio)

    def test_a_tag_that_claims_too_much_is_junk(self) -> None:
        lie = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"
        assert parse(FrameParser(), [lie, *frames(2)]) == places(frames(2), len(lie))

    def test_a_size_that_no_tag_can_have_makes_it_junk(self) -> None:
        lie = b"ID3\x04\x00\x00\x00\x00\x00\xff"
        assert parse(FrameParser(), [lie, *frames(2)]) == places(frames(2), len(lie))

    def test_endless_tags_are_bad_audio(self) -> None:
        parser = FrameParser()
        tag = id3v2(bytes(1024 * 1024))
        for _ in range(MAX_TAG_BYTES // len(tag) + 1):
            assert parser.bad_audio is None
            parser.feed(tag)
            assert parser.held_bytes <= len(tag)
        assert parser.bad_audio is not None
