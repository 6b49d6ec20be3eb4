/* The kernel's part of a TAP with two queues: a few instructions of BPF that look at TCP's flags. [RFC 9293 3.1]
 *
 * A flood fills the queue that it waits in. If connections wait in the same one, their segments are lost with the flood's,
 * before anybody has seen them. It is written down as instructions so that neither a compiler for BPF nor a loader is needed.
 */
#include "driver/tap_steer.h"
#include "os/syscalls.h"

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

SYSCALLS_AT_START("bpf ioctl");

#define LOAD(size, at)                                 \
    {                                                  \
        .code = BPF_LD | BPF_ABS | (size), .imm = (at) \
    }
#define LOAD_BEHIND(size, reg, at)                                       \
    {                                                                    \
        .code = BPF_LD | BPF_IND | (size), .src_reg = (reg), .imm = (at) \
    }
#define MOVE(to, from)                                                          \
    {                                                                           \
        .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) \
    }
#define SET(to, value)                                                       \
    {                                                                        \
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value) \
    }
#define AND(reg, value)                                                       \
    {                                                                         \
        .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = (reg), .imm = (value) \
    }
#define SHIFT_LEFT(reg, by)                                                \
    {                                                                      \
        .code = BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = (reg), .imm = (by) \
    }
#define IF_IS(reg, value, skip)                                                            \
    {                                                                                      \
        .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (reg), .off = (skip), .imm = (value) \
    }
#define UNLESS_IS(reg, value, skip)                                                        \
    {                                                                                      \
        .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (reg), .off = (skip), .imm = (value) \
    }
#define SKIP(by)                              \
    {                                         \
        .code = BPF_JMP | BPF_JA, .off = (by) \
    }
#define END                        \
    {                              \
        .code = BPF_JMP | BPF_EXIT \
    }

/* A frame that is too short for a load ends the program with 0: queue 0. */
static const struct bpf_insn syns_apart[] = {
    MOVE(BPF_REG_6, BPF_REG_1),             /*  0: loads want the frame in R6            */
    LOAD(BPF_H, 12),                        /*  1: Ethernet's type                       */
    IF_IS(BPF_REG_0, 0x86dd, 12),           /*  2: IPv6: 15                              */
    UNLESS_IS(BPF_REG_0, 0x0800, 17),       /*  3: neither: 21                           */
    LOAD(BPF_B, 14 + 9),                    /*  4: protocol                              */
    UNLESS_IS(BPF_REG_0, 6, 15),            /*  5: not TCP: 21                           */
    LOAD(BPF_H, 14 + 6),                    /*  6: flags and fragment offset             */
    AND(BPF_REG_0, 0x1fff),                 /*  7                                        */
    UNLESS_IS(BPF_REG_0, 0, 12),            /*  8: no first fragment: 21                 */
    LOAD(BPF_B, 14),                        /*  9: header length in words                */
    AND(BPF_REG_0, 15),                     /* 10                                        */
    SHIFT_LEFT(BPF_REG_0, 2),               /* 11                                        */
    MOVE(BPF_REG_7, BPF_REG_0),             /* 12                                        */
    LOAD_BEHIND(BPF_B, BPF_REG_7, 14 + 13), /* 13: TCP's flags                           */
    SKIP(3),                                /* 14: 18                                    */
    LOAD(BPF_B, 14 + 6),                    /* 15: next header                           */
    UNLESS_IS(BPF_REG_0, 6, 4),             /* 16: not TCP at once: 21                   */
    LOAD(BPF_B, 14 + 40 + 13),              /* 17: TCP's flags                           */
    AND(BPF_REG_0, 0x12),                   /* 18: SYN and ACK                           */
    UNLESS_IS(BPF_REG_0, 0x02, 1),          /* 19: not a SYN alone: 21                   */
    SKIP(2),                                /* 20: 23                                    */
    SET(BPF_REG_0, 0),                      /* 21                                        */
    END,                                    /* 22                                        */
    SET(BPF_REG_0, 1),                      /* 23                                        */
    END,                                    /* 24                                        */
};

static int load(void)
{
    static const char license[] = "Dual MIT/GPL";
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = (uint64_t)(uintptr_t)syns_apart;
    attributes.insn_cnt = sizeof syns_apart / sizeof *syns_apart;
    attributes.license = (uint64_t)(uintptr_t)license;
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
}

bool tap_steer_syns(int fd)
{
    int program = load();
    bool ok = program >= 0 && ioctl(fd, TUNSETSTEERINGEBPF, &program) == 0;

    if (program >= 0)
        close(program); /* the interface holds it */
    return ok;
}
