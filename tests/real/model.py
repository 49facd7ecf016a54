#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write a model for llama.cpp: model.py FILE.

The model is a small llama with random weights, 300 MB. As in Mixtral, each
layer has many experts, and a token passes through few of them. So an answer of
a few tokens reads a part of the file. The text that it makes has no sense.
"""
import random
import struct
import sys

EMBED, HIDDEN, LAYERS, HEADS = 512, 2048, 2, 8
EXPERTS, USED = 32, 2
UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9  # types of values in GGUF
F32, F16 = 0, 1  # types of tensors
ALIGN = 32
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # types of tokens

rand = random.Random(1)


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def uint32(value):
    return struct.pack("<II", UINT32, value)


def float32(value):
    return struct.pack("<If", FLOAT32, value)


def array(kind, items):
    return struct.pack("<IIQ", ARRAY, kind, len(items)) + b"".join(items)


TOKENS = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
TOKENS += [("<0x%02X>" % i, BYTE) for i in range(256)]
TOKENS += [(a + b, NORMAL) for a in "▁bcdfglmnprst" for b in "aeiou"]

VALUES = {
    "general.architecture": struct.pack("<I", STRING) + string("llama"),
    "general.file_type": uint32(F16),
    "llama.context_length": uint32(512),
    "llama.embedding_length": uint32(EMBED),
    "llama.block_count": uint32(LAYERS),
    "llama.feed_forward_length": uint32(HIDDEN),
    "llama.attention.head_count": uint32(HEADS),
    "llama.attention.head_count_kv": uint32(HEADS),
    "llama.attention.layer_norm_rms_epsilon": float32(1e-5),
    "llama.rope.dimension_count": uint32(EMBED // HEADS),
    "llama.vocab_size": uint32(len(TOKENS)),
    "llama.expert_count": uint32(EXPERTS),
    "llama.expert_used_count": uint32(USED),
    "tokenizer.ggml.model": struct.pack("<I", STRING) + string("llama"),
    "tokenizer.ggml.tokens": array(STRING, [string(t) for t, _ in TOKENS]),
    "tokenizer.ggml.scores": array(FLOAT32, [
        struct.pack("<f", -i) for i in range(len(TOKENS))]),
    "tokenizer.ggml.token_type": array(UINT32 + 1, [
        struct.pack("<i", kind) for _, kind in TOKENS]),
    "tokenizer.ggml.bos_token_id": uint32(1),
    "tokenizer.ggml.eos_token_id": uint32(2),
    "tokenizer.ggml.unknown_token_id": uint32(0),
}


def tensors():
    """Name, type and dimensions; the first dimension is the inner one."""
    yield "token_embd.weight", F16, (EMBED, len(TOKENS))
    yield "output_norm.weight", F32, (EMBED,)
    yield "output.weight", F16, (EMBED, len(TOKENS))
    for i in range(LAYERS):
        block = "blk.%d." % i
        for name in "attn_norm", "ffn_norm":
            yield block + name + ".weight", F32, (EMBED,)
        for name in "attn_q", "attn_k", "attn_v", "attn_output":
            yield block + name + ".weight", F16, (EMBED, EMBED)
        yield block + "ffn_gate_inp.weight", F32, (EMBED, EXPERTS)
        yield block + "ffn_gate_exps.weight", F16, (EMBED, HIDDEN, EXPERTS)
        yield block + "ffn_up_exps.weight", F16, (EMBED, HIDDEN, EXPERTS)
        yield block + "ffn_down_exps.weight", F16, (HIDDEN, EMBED, EXPERTS)


def count(dims):
    total = 1
    for dim in dims:
        total *= dim
    return total


# The upper byte of a number of 16 bits: any sign, 1/32 to 1/16.
UPPER = bytes(0x28 | (i & 0x83) for i in range(256))


def weights(kind, dims):
    total = count(dims)
    if kind == F16:
        data = bytearray(rand.randbytes(2 * total))
        data[1::2] = data[1::2].translate(UPPER)
    elif len(dims) == 1:  # the scale of a norm
        data = struct.pack("<f", 1) * total
    else:
        data = b"".join(struct.pack("<f", rand.uniform(-1, 1))
                        for _ in range(total))
    return data + bytes(-len(data) % ALIGN)


def main():
    with open(sys.argv[1], "wb") as file:
        listed = list(tensors())
        head = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(VALUES))
        for name, value in VALUES.items():
            head += string(name) + value
        offset = 0
        for name, kind, dims in listed:
            head += string(name) + struct.pack("<I", len(dims))
            head += struct.pack("<%dQ" % len(dims), *dims)
            head += struct.pack("<IQ", kind, offset)
            offset += count(dims) * (2 if kind == F16 else 4)
            offset += -offset % ALIGN
        file.write(head + bytes(-len(head) % ALIGN))
        for _, kind, dims in listed:
            file.write(weights(kind, dims))


main()
