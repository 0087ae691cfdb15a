"""Content encodings: gzip and zstd, with a bound on what comes out."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

from ecomtrack_sdk.errors import Malformed, TooLarge

__all__ = ["MAX_DECOMPRESSED_BYTES", "compress", "decompress", "encodings"]

MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024
"""Body after decompression; a bomb stops here, not after it. Real batches compress 10 to 25 times, and are 1 MB."""
GZIP_LEVEL = 1
"""Level 9 takes seven times the processor time of level 1 to save a third of what is left (benchmarks)."""
ZSTD_LEVEL = 1


def _zstd() -> Any:
    """The zstd module, or ``None``: standard library from Python 3.14, ``backports.zstd`` (extra ``zstd``) below."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        try:
            from backports import zstd  # type: ignore[no-redef,unused-ignore]
        except ImportError:
            return None
    return zstd


@cache
def encodings() -> tuple[str, ...]:
    """Content encodings this process can write and read, best first."""
    return ("zstd", "gzip", "identity") if _zstd() is not None else ("gzip", "identity")


def compress(data: bytes, encoding: str) -> bytes:
    """*data* under a content encoding of ``encodings()``."""
    if encoding == "gzip":
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        return packer.compress(data) + packer.flush()
    if encoding == "zstd":
        packed: bytes = _zstd().compress(data, ZSTD_LEVEL)
        return packed
    if encoding == "identity":
        return data
    raise Malformed(f"unknown content encoding {encoding!r}")


def decompress(data: bytes, encoding: str, limit: int = MAX_DECOMPRESSED_BYTES) -> bytes:
    """*data* unpacked, at most *limit* bytes; a bomb stops at the limit.

    Raises:
        TooLarge: More than *limit* bytes come out.
        Malformed: Unknown encoding, broken or truncated data, data after the end.
    """
    if encoding in ("identity", ""):
        plain = data
    elif encoding in ("gzip", "x-gzip"):
        plain = _bounded(zlib.decompressobj(zlib.MAX_WBITS | 16), data, limit, zlib.error)
    elif encoding == "zstd" and (zstd := _zstd()) is not None:
        plain = _bounded(zstd.ZstdDecompressor(), data, limit, zstd.ZstdError)
    else:
        raise Malformed(f"unknown content encoding {encoding!r}")
    if len(plain) > limit:
        raise TooLarge(f"the body is over {limit:,} bytes after decompression", limit=limit)
    return plain


def _bounded(unpacker: Any, data: bytes, limit: int, error: type[Exception]) -> bytes:
    try:
        plain: bytes = unpacker.decompress(data, limit + 1)
    except error:
        raise Malformed("the body is not what its Content-Encoding says") from None
    if len(plain) <= limit:
        if not unpacker.eof:
            raise Malformed("the compressed body breaks off")
        if unpacker.unused_data:
            raise Malformed("there is data after the end of the compressed body")
    return plain
