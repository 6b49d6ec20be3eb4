/* An echo server on 192.0.2.1 port 7, in our own TCP. Build and run it:
 *     cc echo.c $(pkg-config --cflags --libs handfast-os) -o echo && sudo ./echo
 * then: sudo ip address add 192.0.2.2/24 dev hf0; sudo ip link set hf0 up; nc 192.0.2.1 7 */
#include <handfast/os.h> /* Linux only: TAP, clock, randomness, memory; bare metal brings its own */
#include <handfast/socket.h> /* and through it handfast.h: no system call behind either */
#include <stdio.h>

/* Send back what is there. What does not fit stays in the stack, and the peer's window closes by itself. */
static void echo(struct hf_stack *stack, hf_socket socket, int64_t now_us)
{
    const void *data;
    ptrdiff_t length; /* as recv(2): bytes, 0 at the peer's FIN, else an hf_error */

    while ((length = hf_peek(stack, socket, &data)) > 0) {
        ptrdiff_t sent = hf_send(stack, socket, data, (size_t)length, now_us);
        if (sent <= 0)
            return; /* full, or reset: the next readiness says which */
        hf_consume(stack, socket, (size_t)sent, now_us);
    }
    if (length != HF_AGAIN)
        hf_close(stack, socket, now_us); /* FIN after what is queued */
}

static void serve(struct hf_stack *stack, int64_t now_us)
{
    struct hf_ready ready[32]; /* each says once that a socket became ready: go on until HF_AGAIN */
    for (size_t count; (count = hf_take_ready(stack, ready, 32)) > 0;)
        for (size_t i = 0; i < count; i++) {
            hf_socket socket = ready[i].socket;
            if (!(ready[i].what & HF_ACCEPTABLE))
                echo(stack, socket, now_us);
            else
                while (hf_accept(stack, ready[i].socket, &socket) == HF_OK)
                    echo(stack, socket, now_us);
        }
}

int main(void)
{
    struct hf_config config =
        HF_CONFIG_DEFAULT; /* 64 connections, 256 half-opens, 32 KiB each way */
    struct hf_env env;     /* memory, 32 secret bytes, wall clock, checksums */
    struct hf_frame frames[32];
    struct hf_stack *stack;
    struct hf_tap tap;
    hf_socket listener;
    int error = hf_prefix_parse(&config.addresses[0], "192.0.2.1/24");
    if (error || (error = hf_tap_open(&tap, "hf0")))
        return fprintf(stderr, "echo: hf0: %s\n", hf_error_text(error)), 1;
    hf_tap_describe(&tap, &config); /* mtu, checksum and segmentation offload */
    if ((error = hf_os_env(&env, hf_memory_needed(&config))) ||
        (error = hf_init(&stack, &config, &env, hf_os_now_us())) ||
        (error = hf_listen(stack, &(struct hf_endpoint){.port = 7}, &listener)))
        return fprintf(stderr, "echo: %s\n", hf_error_text(error)), 1;

    for (;;) {
        hf_tap_wait(&tap, hf_next_deadline(stack));
        int64_t now_us = hf_os_now_us();
        hf_input(stack, frames, hf_tap_receive(&tap, frames, 32), now_us);
        hf_tick(stack, now_us);
        serve(stack, now_us);
        for (size_t n; (n = hf_output(stack, frames, hf_tap_slots(&tap, frames, 32), now_us)) > 0;)
            hf_tap_transmit(&tap, frames, n);
    }
}
