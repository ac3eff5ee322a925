#!/usr/bin/env python3
"""Golden pixels of pictures of every kind, by Pillow.

Written with Python 3.11.7, NumPy 2.4.6 and Pillow 13.0.0. To run again:

    python tests/golden/images.py          writes images.json beside itself

Each picture is small (13 x 9 mostly) and made by a formula, so that the file of all of them is small.
What Pillow can't write (PNG of 16 bits, of few bits, interlaced, with tRNS; BMP in runs and of 16
bits) is written here byte by byte. For each the JSON file holds, as hexadecimal digits,

    file    the file's bytes
    rgba    Pillow's pixels, upright (`ImageOps.exif_transpose`), converted to RGBA: rows of R, G, B, A
    grey    the same laid over (200, 100, 50) by `Image.alpha_composite`, then converted to L

and width and height of the upright picture. Samples of 16 bits are the exception: Pillow keeps the
upper byte of some of them and cuts others off at 255, so that their values are round(v 255 / 65535)
by NumPy from the numbers that were written.

`resized` holds one picture of 40 x 30 pixels (deterministic noise over a ramp, far enough from 0 and
255 that no filter overshoots: where one does, the result depends on which direction comes first)
resized by Pillow's filters to 16 x 12, to 7 x 11 (all of it) and to 45 x 37 (`nearest` to 80 x 60, where
no place lies exactly between two pixels); in one channel, in RGB,
and in RGBA (Pillow multiplies opacity in before and divides it out after).
"""

from __future__ import annotations

import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

W, H = 13, 9
GROUND = (200, 100, 50)


def ramp(channels: int, most: int = 255) -> np.ndarray:
    """Smooth, and another in each channel; the last of two or four is opacity, with 0 and all of it."""
    y, x = np.mgrid[0:H, 0:W].astype(np.float64)
    planes = [
        (x / (W - 1)),
        (y / (H - 1)),
        (1 - (x + y) / (W + H - 2)),
    ]
    alpha = np.clip((x + 2 * y) / 16 - 0.3, 0, 1)
    chosen = {1: planes[:1], 2: planes[:1] + [alpha], 3: planes, 4: planes + [alpha]}[channels]
    return np.round(np.stack(chosen, axis=-1) * most).astype(np.uint32)


def mix(n: np.ndarray) -> np.ndarray:
    """MurmurHash3's finaliser."""
    n = n.astype(np.uint64)
    n = (n ^ (n >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    n = (n ^ (n >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return n ^ (n >> 16)


# ---------------------------------------------------------------- writers


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows: np.ndarray, depth: int) -> bytes:
    """Rows of samples with PNG's filter byte 0 before each."""
    out = bytearray()
    for row in rows.reshape(rows.shape[0], -1):
        out.append(0)
        if depth == 16:
            out += row.astype(">u2").tobytes()
        elif depth == 8:
            out += row.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            out += bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return bytes(out)


def png(samples, depth, kind, palette=None, trns=None, interlaced=False, extra=b"") -> bytes:
    header = struct.pack(">IIBBBBB", W, H, depth, kind, 0, 0, int(interlaced))
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        data = b"".join(
            packed(samples[y::dy, x::dx], depth)
            for x, y, dx, dy in passes
            if samples[y::dy, x::dx].size
        )
    else:
        data = packed(samples, depth)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
    if palette is not None:
        out += chunk(b"PLTE", bytes(palette))
    if trns is not None:
        out += chunk(b"tRNS", bytes(trns))
    return out + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def bmp_info(depth: int, compression: int, size: int, colors: int, offset: int) -> bytes:
    head = b"BM" + struct.pack("<IHHI", offset + size, 0, 0, offset)
    return head + struct.pack("<IiiHHIIiiII", 40, W, H, 1, depth, compression, size, 2835, 2835, colors, 0)


def bmp_runs(indices: np.ndarray, palette: list[tuple[int, int, int]]) -> bytes:
    data = bytearray()
    for row in indices[::-1]:
        x = 0
        while x < W:
            run = 1
            while x + run < W and row[x + run] == row[x]:
                run += 1
            data += bytes([run, row[x]])
            x += run
        data += b"\0\0"
    data += b"\0\1"
    table = b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    return bmp_info(8, 1, len(data), len(palette), 54 + len(table)) + table + bytes(data)


def bmp_16(rgb: np.ndarray) -> bytes:
    data = bytearray()
    for row in rgb[::-1]:
        words = [(int(r) >> 3) << 10 | (int(g) >> 3) << 5 | int(b) >> 3 for r, g, b in row]
        line = struct.pack(f"<{W}H", *words)
        data += line + b"\0" * (-len(line) % 4)
    return bmp_info(16, 0, len(data), 0, 54) + bytes(data)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# ---------------------------------------------------------------- pictures


def image(channels: int) -> Image.Image:
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    array = ramp(channels).astype(np.uint8)
    return Image.fromarray(array[..., 0] if channels == 1 else array, mode)


def files() -> dict[str, bytes | tuple[bytes, np.ndarray]]:
    """Files by name; with their values where Pillow's are not the ones."""
    found: dict[str, bytes | tuple[bytes, np.ndarray]] = {}
    for depth in (1, 2, 4, 8):
        found[f"png-grey-{depth}"] = png(ramp(1, 2**depth - 1), depth, 0)
        colors = 2**depth if depth < 8 else 200
        index = ramp(1, colors - 1)
        palette = np.stack(
            [mix(np.arange(colors) * 3 + c) % 256 for c in range(3)], axis=-1
        ).astype(np.uint8)
        found[f"png-palette-{depth}"] = png(index, depth, 3, palette.tobytes())
        found[f"png-palette-{depth}-transparent"] = png(
            index, depth, 3, palette.tobytes(), trns=bytes([0, 120][:colors])
        )

    def wide(channels):
        values = ramp(channels, 65535)
        return values, np.floor(values * 255 / 65535 + 0.5).astype(np.uint8)

    for channels, kind, name in ((1, 0, "grey"), (2, 4, "grey-alpha"), (3, 2, "rgb"), (4, 6, "rgba")):
        if channels > 1:
            found[f"png-{name}-8"] = png(ramp(channels), 8, kind)
        values, eight = wide(channels)
        found[f"png-{name}-16"] = (png(values, 16, kind), eight)
        found[f"png-{name}-interlaced"] = png(ramp(channels), 8, kind, interlaced=True)
    found["png-grey-transparent"] = png(ramp(1), 8, 0, trns=struct.pack(">H", int(ramp(1)[0, 4, 0])))
    found["png-rgb-transparent"] = png(
        ramp(3), 8, 2, trns=struct.pack(">HHH", *(int(v) for v in ramp(3)[4, 6]))
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    found["png-turned"] = png(ramp(3), 8, 2, extra=chunk(b"eXIf", exif.tobytes()[6:]))

    rgb, grey = image(3), image(1)
    found["jpeg-grey"] = saved(grey, "JPEG", quality=90)
    found["jpeg-rgb-444"] = saved(rgb, "JPEG", quality=90, subsampling=0)
    found["jpeg-rgb-422"] = saved(rgb, "JPEG", quality=90, subsampling=1)
    found["jpeg-rgb-420"] = saved(rgb, "JPEG", quality=90, subsampling=2)
    found["jpeg-progressive"] = saved(rgb, "JPEG", quality=90, subsampling=0, progressive=True)
    found["jpeg-progressive-420"] = saved(rgb, "JPEG", quality=90, subsampling=2, progressive=True)
    cmyk = Image.merge("CMYK", [*rgb.split(), Image.fromarray((ramp(1)[..., 0] // 3).astype(np.uint8))])
    found["jpeg-cmyk"] = saved(cmyk, "JPEG", quality=95)
    found["jpeg-rgb-unconverted"] = saved(rgb, "JPEG", quality=90, keep_rgb=True)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        found[f"jpeg-turned-{turn}"] = saved(rgb, "JPEG", quality=90, subsampling=0, exif=exif)

    found["webp-lossless"] = saved(rgb, "WEBP", lossless=True)
    found["webp-lossless-alpha"] = saved(image(4), "WEBP", lossless=True, exact=True)
    found["webp-lossy"] = saved(rgb, "WEBP", quality=90)
    found["webp-lossy-alpha"] = saved(image(4), "WEBP", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 8
    found["webp-turned"] = saved(rgb, "WEBP", lossless=True, exif=exif)
    other = Image.new("RGB", (W, H), (9, 9, 9))
    found["webp-animated"] = saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[other])

    found["gif"] = saved(rgb.quantize(16, dither=Image.Dither.NONE), "GIF")
    found["gif-interlaced"] = saved(rgb.quantize(16, dither=Image.Dither.NONE), "GIF", interlace=1)
    found["gif-transparent"] = saved(rgb.quantize(16, dither=Image.Dither.NONE), "GIF", transparency=3)
    found["gif-animated"] = saved(
        rgb.quantize(16, dither=Image.Dither.NONE), "GIF", save_all=True, append_images=[other]
    )

    found["bmp-1"] = saved(grey.convert("1", dither=Image.Dither.NONE), "BMP")
    found["bmp-grey"] = saved(grey, "BMP")
    found["bmp-palette"] = saved(rgb.quantize(16, dither=Image.Dither.NONE), "BMP")
    found["bmp-24"] = saved(rgb, "BMP")
    found["bmp-32"] = saved(image(4), "BMP")
    found["bmp-16"] = bmp_16(ramp(3))
    colors = [(int(v), 255 - int(v), 40) for v in range(0, 250, 25)]
    found["bmp-runs"] = bmp_runs(ramp(1, 9)[..., 0], colors)

    found["tiff-1"] = saved(grey.convert("1", dither=Image.Dither.NONE), "TIFF")
    found["tiff-grey"] = saved(grey, "TIFF")
    found["tiff-grey-alpha"] = saved(image(2), "TIFF")
    found["tiff-rgb"] = saved(rgb, "TIFF")
    found["tiff-rgba"] = saved(image(4), "TIFF")
    found["tiff-palette"] = saved(rgb.quantize(200, dither=Image.Dither.NONE), "TIFF")
    found["tiff-cmyk"] = saved(cmyk, "TIFF")
    for name, compression in (("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits")):
        found[f"tiff-{name}"] = saved(rgb, "TIFF", compression=compression)
    values, eight = wide(1)
    found["tiff-grey-16"] = (saved(Image.fromarray(values[..., 0].astype(np.uint16)), "TIFF"), eight)
    found["tiff-turned"] = saved(rgb, "TIFF", tiffinfo={0x0112: 7})
    return found


def expected(file: bytes, values: np.ndarray | None) -> dict:
    if values is None:
        picture = Image.open(io.BytesIO(file))
        picture.seek(0)
        picture = ImageOps.exif_transpose(picture)
        rgba = picture.convert("RGBA")
    else:
        grey = values.shape[-1] < 3
        color = np.repeat(values[..., :1], 3, axis=-1) if grey else values[..., :3]
        alpha = values[..., -1:] if values.shape[-1] in (2, 4) else np.full_like(values[..., :1], 255)
        rgba = Image.fromarray(np.concatenate([color, alpha], axis=-1), "RGBA")
    ground = Image.new("RGBA", rgba.size, (*GROUND, 255))
    grey = Image.alpha_composite(ground, rgba).convert("L")
    return {
        "file": file.hex(),
        "width": rgba.width,
        "height": rgba.height,
        "rgba": rgba.tobytes().hex(),
        "grey": grey.tobytes().hex(),
    }


def resized() -> dict:
    wide, high = 40, 30
    y, x = np.mgrid[0:high, 0:wide]
    planes = []
    for channel in range(4):
        noise = mix((y * wide + x) * 4 + channel) % 64
        planes.append(56 + noise + 2 * (x if channel % 2 else y))
    rgba = np.stack(planes, axis=-1).astype(np.uint8)
    out = {"width": wide, "height": high, "rgba": saved(Image.fromarray(rgba, "RGBA"), "PNG", optimize=True).hex(), "cases": []}
    filters = {
        "lanczos": Image.Resampling.LANCZOS,
        "bicubic": Image.Resampling.BICUBIC,
        "bilinear": Image.Resampling.BILINEAR,
        "box": Image.Resampling.BOX,
        "nearest": Image.Resampling.NEAREST,
    }
    for name, kind in filters.items():
        for size in ((16, 12), (7, 11), (80, 60) if name == "nearest" else (45, 37)):
            small = size[0] < 20
            case = {"filter": name, "width": size[0], "height": size[1]}
            whole = Image.fromarray(rgba, "RGBA")
            case["rgb"] = Image.fromarray(np.ascontiguousarray(rgba[..., :3]), "RGB").resize(size, kind).tobytes().hex() if small else ""
            case["grey"] = Image.fromarray(np.ascontiguousarray(rgba[..., 0]), "L").resize(size, kind).tobytes().hex()
            case["rgba"] = whole.resize(size, kind).tobytes().hex() if small else ""
            out["cases"].append(case)
    # The middle, as `ImageOps.fit` cuts it, and the whole with a border, as `ImageOps.pad` has it.
    rgb = Image.fromarray(np.ascontiguousarray(rgba[..., :3]), "RGB")
    out["crop"] = ImageOps.fit(rgb, (10, 10), Image.Resampling.LANCZOS).tobytes().hex()
    out["border"] = ImageOps.pad(rgb, (16, 16), Image.Resampling.LANCZOS, color=GROUND).tobytes().hex()
    return out


def main() -> None:
    print(sys.version.split()[0], np.__version__, PIL.__version__)
    cases = []
    for name, file in files().items():
        file, values = file if isinstance(file, tuple) else (file, None)
        cases.append({"name": name, **expected(file, values)})
    golden = {"ground": list(GROUND), "cases": cases, "resized": resized()}
    path = Path(__file__).with_suffix(".json")
    text = json.dumps(golden, separators=(",", ":")).replace('},{', '},\n{')
    path.write_text(text + "\n")
    print(path.name, path.stat().st_size, "bytes,", len(cases), "pictures")


if __name__ == "__main__":
    main()
