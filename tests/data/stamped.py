"""Videos whose frames have given times, and their import."""

from fractions import Fraction

import av

from lib.data.video_import import import_video

SIZE = (16, 16)


def write_stamped(path, frames, stamps_ms, *, key_every=5, lossless=True):
    """Encode `frames`, each shown from its time in milliseconds on."""
    name, pixels = ("libx264rgb", "rgb24") if lossless else ("libx264", "yuv420p")
    options = {"qp": "0" if lossless else "4", "preset": "ultrafast", "g": str(key_every)}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(name, rate=1000, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for stamp, picture in zip(stamps_ms, frames, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = int(stamp), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def steady(count, rate=20):
    """Times in milliseconds of frames at a steady rate."""
    return [round(1000 * i / rate) for i in range(count)]


def imported(path, store, **options):
    return import_video(path, store, **({"size": SIZE, "progress": False} | options))
