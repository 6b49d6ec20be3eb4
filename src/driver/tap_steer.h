/* A TAP with two queues: bare SYNs wait in the second one. */
#ifndef DRIVER_TAP_STEER_H
#define DRIVER_TAP_STEER_H

#include <stdbool.h>

/* Tells the kernel to put SYNs without ACK into queue 1 of the multi-queue TAP behind fd, and everything else into queue 0.
 * False: this kernel does not let us. */
bool tap_steer_syns(int fd);

#endif
