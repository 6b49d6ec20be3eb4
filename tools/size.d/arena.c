/* How much memory the smallest server's stack needs here; and that it opens. */
#include <stdio.h>

#define main board_main
#include "smallest.c"
#undef main

int64_t board_now_us(void)
{
    return 0;
}

void board_random(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i + 1);
}

size_t board_receive(uint8_t *bytes, size_t capacity)
{
    (void)bytes, (void)capacity;
    return 0;
}

void board_transmit(const uint8_t *bytes, size_t length)
{
    (void)bytes, (void)length;
}

void board_sleep_until(int64_t instant_us)
{
    (void)instant_us;
}

int main(void)
{
    struct hf_config config = configure();
    struct hf_stack *stack;

    printf("%zu\n", hf_memory_needed(&config));
    return open_stack(&stack) != HF_OK;
}
