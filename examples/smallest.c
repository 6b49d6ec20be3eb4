/* The smallest useful server: echo on 192.0.2.1 port 7, IPv4 over a raw IP link, 4 connections. No
 * operating system and no C library beyond four memory functions: the board's link and clock are the five lines at the top.
 * `./dev size` says how many bytes of code it is. */
#include <handfast/socket.h>

/* What the board brings. */
int64_t board_now_us(void);                                /* a timer that never goes back   */
void board_random(uint8_t *bytes, size_t length);          /* from a true source             */
size_t board_receive(uint8_t *packet, size_t capacity);    /* 0: nothing has arrived         */
void board_transmit(const uint8_t *packet, size_t length); /* as SLIP, PPP or a radio has it */
void board_sleep_until(int64_t instant_us);                /* or until a packet arrives      */

_Noreturn void hf_panic(const char *file, int line, const char *what);

static _Alignas(64) uint8_t memory[46 * 1024];
static uint8_t packet[576];

_Noreturn void hf_panic(const char *file, int line, const char *what)
{
    (void)file, (void)line, (void)what;
    for (;;) /* the watchdog begins anew */
        ;
}

/* Send back what is there. What does not fit stays, and the peer's window closes by itself. */
static void echo(struct hf_stack *stack, hf_socket socket, int64_t now_us)
{
    const void *data;
    ptrdiff_t length;

    while ((length = hf_peek(stack, socket, &data)) > 0) {
        ptrdiff_t sent = hf_send(stack, socket, data, (size_t)length, now_us);

        if (sent <= 0)
            return;
        hf_consume(stack, socket, (size_t)sent, now_us);
    }
    if (length != HF_AGAIN)
        hf_close(stack, socket, now_us);
}

static void serve(struct hf_stack *stack, int64_t now_us)
{
    struct hf_ready ready;

    while (hf_take_ready(stack, &ready, 1)) {
        hf_socket socket = ready.socket;

        if (!(ready.what & HF_ACCEPTABLE))
            echo(stack, socket, now_us);
        else
            while (hf_accept(stack, ready.socket, &socket) == HF_OK)
                echo(stack, socket, now_us);
    }
}

static struct hf_config configure(void)
{
    struct hf_config config = HF_CONFIG_SMALL;

    config.addresses[0] =
        (struct hf_prefix){{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}}, 24};
    return config;
}

static int open_stack(struct hf_stack **stack)
{
    struct hf_config config = configure();
    struct hf_env env = {.memory = memory, .memory_bytes = sizeof memory, .memory_is_zero = true};
    hf_socket listener;
    int error;

    board_random(env.secret, sizeof env.secret);
    error = hf_init(stack, &config, &env, board_now_us());
    return error ? error : hf_listen(*stack, &(struct hf_endpoint){.port = 7}, &listener);
}

int main(void)
{
    struct hf_frame frame = {.data = packet, .link = HF_RAW_IP};
    struct hf_stack *stack;
    int64_t now_us;

    if (open_stack(&stack))
        return 1;
    for (;;) {
        board_sleep_until(hf_next_deadline(stack));
        now_us = board_now_us();
        while ((frame.length = (uint32_t)board_receive(packet, sizeof packet)) > 0)
            hf_input(stack, &frame, 1, now_us);
        hf_tick(stack, now_us);
        serve(stack, now_us);
        frame.capacity = sizeof packet;
        while (hf_output(stack, &frame, 1, now_us))
            board_transmit(packet, frame.length);
    }
}
