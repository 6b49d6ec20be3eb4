/* A fuzzer's bytes read as numbers: what is not there reads as zero, so every input means something. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static inline size_t input_left(const struct input *input)
{
    return (size_t)(input->end - input->at);
}

static inline uint8_t input_u8(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

static inline uint16_t input_u16(struct input *input)
{
    uint32_t high = input_u8(input);

    return (uint16_t)(high << 8 | input_u8(input));
}

static inline uint32_t input_u32(struct input *input)
{
    uint32_t high = input_u16(input);

    return high << 16 | input_u16(input);
}

static inline uint64_t input_u64(struct input *input)
{
    uint64_t high = input_u32(input);

    return high << 32 | input_u32(input);
}

/* Small numbers as they are, and up to about 26 000 above: lengths and times of any size in a byte. */
static inline uint32_t input_scaled(struct input *input)
{
    uint32_t value = input_u8(input);

    return value < 128 ? value : 128 + (value - 128) * (value - 128) * 13 / 8;
}

/* The next bytes, as many as there are. */
static inline size_t input_bytes(struct input *input, void *to, size_t length)
{
    if (length > input_left(input))
        length = input_left(input);
    if (length > 0)
        memcpy(to, input->at, length);
    input->at += length;
    return length;
}

#endif
