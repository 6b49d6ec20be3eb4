/* packetdrill asks for TCP_INFO, for its %{ code }%, with the process's own getsockopt and not through the interface. Preloaded
 * (LD_PRELOAD=packetdrill_adapter.so) this one answers for our descriptors; all others go to the kernel. */
#include "sockets.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct world *the_world;

void preload_world(struct world *world)
{
    the_world = world;
}

__attribute__((visibility("default"))) int getsockopt(int fd, int level, int name, void *value,
                                                      socklen_t *length)
{
    int result;

    if (!the_world)
        return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
    world_enter(the_world);
    if (!world_file(the_world, fd)) {
        world_leave(the_world);
        return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
    }
    result = socket_get_option(
        the_world, &(struct socket_option){
                       .fd = fd, .level = level, .name = name, .to = value, .room = length});
    world_leave(the_world);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}
