"""What a faulting proxy does to one answer: each fault takes the body's pieces and gives what the client is to see."""
import asyncio
import json

SLICE_S = 0.05
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired", 422: "Invalid",
           429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}
# What kube-apiserver 1.34 answers to a watch with sendInitialEvents when the feature is off.
OLD_SERVER = 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled'


class Cut(Exception):
    """The connection ends here, whatever was promised."""


def status_object(code, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": REASONS.get(code, "Unknown"), "code": code}


def error_event(code, message):
    return json.dumps({"type": "ERROR", "object": status_object(code, message)}).encode() + b"\n"


async def lines_of(pieces):
    """Whole lines, however they came; a last one without its end too."""
    held = b""
    async for piece in pieces:
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if held:
        yield held


async def whole(pieces):
    async for piece in pieces:
        yield piece


def cut_after(size):
    """The connection is cut behind `size` bytes of the body."""
    async def fault(pieces):
        left = size
        if left == 0:
            raise Cut
        async for piece in pieces:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                raise Cut
    return fault


def cut_in_line(number):
    """`number` lines pass, then half of the next one."""
    async def fault(pieces):
        left = number
        async for line in lines_of(pieces):
            if left == 0:
                yield line[:len(line) // 2]
                raise Cut
            left -= 1
            yield line
    return fault


def end_in_line(number):
    """`number` lines pass, then half of the next one; the stream ends as if that were all."""
    async def fault(pieces):
        left = number
        async for line in lines_of(pieces):
            if left == 0:
                yield line[:len(line) // 2]
                return
            left -= 1
            yield line
    return fault


def end_with(number, last=b""):
    """`number` lines pass, then `last`; the stream ends as it should."""
    async def fault(pieces):
        left = number
        if left:
            async for line in lines_of(pieces):
                yield line
                left -= 1
                if left == 0:
                    break
        if last:
            yield last
    return fault


def drop_lines(text):
    """Lines that contain the text do not come."""
    async def fault(pieces):
        async for line in lines_of(pieces):
            if text not in line:
                yield line
    return fault


def stall_after(size, released):
    """`size` bytes pass, then nothing until the event `released`; the connection stays open."""
    async def fault(pieces):
        left = size
        if left == 0:
            await released.wait()
        async for piece in pieces:
            if 0 < left <= len(piece):
                yield piece[:left]
                await released.wait()
                piece = piece[left:]
            left -= len(piece)
            if piece:
                yield piece
    return fault


def slow_to(bytes_per_s):
    async def fault(pieces):
        step = max(1, int(bytes_per_s * SLICE_S))
        async for piece in pieces:
            for at in range(0, len(piece), step):
                yield piece[at:at + step]
                await asyncio.sleep(len(piece[at:at + step]) / bytes_per_s)
    return fault
