/* What a Linux program needs beside the stack: memory, randomness, a clock, and TAP interfaces (libhandfast-os).
 * Everything else in include/handfast is free of the operating system. */
#ifndef HANDFAST_OS_H
#define HANDFAST_OS_H

#include <handfast/handfast.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fills env for this machine: memory_bytes of fresh memory (0 is refused with HF_INVALID, as hf_memory_needed gives it for
 * an impossible configuration), secret, wall clock, the fastest checksum routines. HF_NO_MEMORY, HF_SYSTEM. */
HF_API int hf_os_env(struct hf_env *env, size_t memory_bytes);

/* Gives the memory back and wipes the secret. */
HF_API void hf_os_env_free(struct hf_env *env);

/* The MACs of signed segments, by OpenSSL's libcrypto: for env->crypto, before hf_init. NULL: built without it. */
HF_API const struct hf_crypto_ops *hf_os_crypto(void);

/* Monotonic microseconds. */
HF_API int64_t hf_os_now_us(void);

/* A TAP interface with virtio-net headers: checksum and segmentation offload both ways. */
#define HF_TAP_BATCH 64

struct hf_tap {
    int fd;
    int syn_fd;       /* the queue of bare SYNs, or -1: they wait with everything else      */
    int ready_fd;     /* what becomes readable when frames wait: fd, or an epoll of the two */
    bool offload;     /* the kernel takes and gives partial checksums and large segments */
    char name[16];    /* as the kernel calls it                                          */
    uint8_t *buffers; /* HF_TAP_BATCH for input, as many for output                      */
    size_t buffer_bytes;
    /* Frames; dropped: those that the kernel would not take. */
    uint64_t received, transmitted, dropped, errors;
};

/* Opens (and makes, if it is not there) the interface. HF_NO_DEVICE, HF_NO_PERMISSION, HF_DEVICE_BUSY, HF_INVALID (name
 * too long), HF_NO_MEMORY, HF_SYSTEM. */
HF_API int hf_tap_open(struct hf_tap *tap, const char *name);

/* The same with a queue of its own for bare SYNs, which is read last: a flood of them takes no room from connections. Where
 * the kernel cannot do that, or the interface is there already, it is as hf_tap_open (tap->syn_fd is -1). */
HF_API int hf_tap_open_split(struct hf_tap *tap, const char *name);

/* The same with descriptors that an earlier process opened (syn_fd may be -1): the interface was never away. HF_INVALID: they
 * are not of a TAP of this name, and still the caller's. HF_SYSTEM: they were closed. */
HF_API int hf_tap_adopt(struct hf_tap *tap, const char *name, int fd, int syn_fd);
HF_API void hf_tap_close(struct hf_tap *tap);

/* After somebody removed the interface: makes it again, or opens the one that is there now, with `fd`, a fresh descriptor of
 * /dev/net/tun that belongs to the TAP if the answer is HF_OK, and to the caller if it is not. Buffers and counters stay; a
 * TAP that could not be opened receives nothing and drops what it is given. */
HF_API int hf_tap_reopen(struct hf_tap *tap, const char *name, int fd);

/* Sleeps until a frame waits or deadline_us (hf_next_deadline) has come. Returns at once on a signal. */
HF_API void hf_tap_wait(struct hf_tap *tap, int64_t deadline_us);

/* Frames that wait, up to count (HF_TAP_BATCH at most), in the driver's buffers: valid until the next receive. */
HF_API size_t hf_tap_receive(struct hf_tap *tap, struct hf_frame *frames, size_t count);

/* Empty slots for hf_output, up to count. Returns how many. */
HF_API size_t hf_tap_slots(struct hf_tap *tap, struct hf_frame *frames, size_t count);

/* Sends count filled slots. What the kernel does not take is counted in tap->dropped: TCP will send it again. */
HF_API void hf_tap_transmit(struct hf_tap *tap, const struct hf_frame *frames, size_t count);

/* Tells config what the interface can do: checksum_offload, segmentation_bytes, mtu. */
HF_API void hf_tap_describe(const struct hf_tap *tap, struct hf_config *config);

#ifdef __cplusplus
}
#endif

#endif
