/*
 * Loaded into every process of a command under test (LD_PRELOAD). Counts the calls that change files, over all processes, and at one
 * of them fails the call, simulates a full disk from then on, kills the process, or stops it until it is told to continue. The programs
 * themselves are unmodified.
 *
 * FAULT_STATE    the file through which the test selects the fault, and reads the result
 * FAULT_ROOT     only calls on files below it count
 * FAULT_EXCEPT   but not below this directory, which holds the files of a remote
 * FAULT_PROGRAM  only calls of processes with these texts in their command line
 * FAULT_STEP     only calls of this name on paths that contain this text, such as `rename refs/heads/`: a named step
 * FAULT_FROM     only from the first call on a path, or with a GIT_DIR, that contains this text
 * FAULT_UNTIL    only until a directory whose path ends like this is removed
 * FAULT_PARENT   the parent is killed too, as by a power failure
 * FAULT_SYNCED   a file that gets the inode number of every file that was synced to the disk, one a line
 *
 * Independently of that, the clock of the wall shows another time, as far away as the shared file says at that moment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, EIO_ONCE, KILL, FULL, QUOTA, READ_ONLY, STOP };

/* Shared by all processes; the test writes it before the run and reads it afterwards. */
struct state {
	unsigned long long count, at;
	unsigned int mode, armed;
	unsigned long long fired;
	char what[472];
	/* How far the clock of the wall is ahead, in seconds. */
	long long ahead;
};

static struct state *state;
static char root[PATH_MAX], except[PATH_MAX];
static size_t root_length, except_length;
static const char *step, *from, *until, *synced;
static int is_over;

/* Whether the command line of this process contains the texts. */
static int is_program(const char *words)
{
	static char line[1 << 16];
	int fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t length = syscall(SYS_read, fd, line, sizeof line - 1);
	syscall(SYS_close, fd);
	for (ssize_t at = 0; at < length; at++)
		if (!line[at])
			line[at] = ' ';
	return length > 0 && strstr(line, words);
}

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("FAULT_STATE"), *below = getenv("FAULT_ROOT"), *not = getenv("FAULT_EXCEPT");
	const char *program = getenv("FAULT_PROGRAM"), *git_dir = getenv("GIT_DIR");
	if (!path || !below || !not || (program && !is_program(program)))
		return;
	step = getenv("FAULT_STEP");
	from = getenv("FAULT_FROM");
	until = getenv("FAULT_UNTIL");
	synced = getenv("FAULT_SYNCED");
	if (from && git_dir && strstr(git_dir, from))
		from = NULL;
	int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (map == MAP_FAILED)
		return;
	root_length = strlen(below);
	memcpy(root, below, root_length + 1);
	except_length = strlen(not);
	memcpy(except, not, except_length + 1);
	state = map;
}

static int starts(const char *path, const char *with, size_t length)
{
	return !strncmp(path, with, length) && (path[length] == '/' || !path[length]);
}

static int is_below(const char *path)
{
	return starts(path, root, root_length) && !starts(path, except, except_length);
}

/* The path of a file descriptor. */
static int path_of(int fd, char *path)
{
	char link[64];
	snprintf(link, sizeof link, fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", fd);
	ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	return 1;
}

/* The error with which a call fails; 0 if it is made. `fills`: it fails on a full disk. */
static int fault(const char *call, const char *path, int fills)
{
	if (from && strstr(path, from))
		from = NULL;
	if (from || is_over)
		return 0;
	if (step) {
		size_t length = strlen(call);
		if (strncmp(step, call, length) || step[length] != ' ' || !strstr(path, step + length + 1))
			return 0;
	}
	unsigned long long n = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
	unsigned int mode = state->mode;
	if (mode == FULL || mode == QUOTA || mode == READ_ONLY) {
		if (n < state->at || (mode != READ_ONLY && !fills))
			return 0;
	} else if (mode == NOTHING || n != state->at) {
		return 0;
	}
	if (!__atomic_fetch_add(&state->fired, 1, __ATOMIC_SEQ_CST))
		snprintf(state->what, sizeof state->what, "%s: %s %s", program_invocation_short_name, call, path);
	if (mode == KILL) {
		if (getenv("FAULT_PARENT"))
			syscall(SYS_kill, syscall(SYS_getppid), SIGKILL);
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
		for (;;)
			syscall(SYS_pause);
	}
	if (mode == STOP) {
		syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
		return 0;
	}
	return mode == FULL ? ENOSPC : mode == QUOTA ? EDQUOT : mode == READ_ONLY ? EROFS : EIO;
}

static int fault_at(const char *call, int folder, const char *name, int fills)
{
	char path[2 * PATH_MAX];
	if (!state || !state->armed || !name)
		return 0;
	if (name[0] == '/') {
		snprintf(path, sizeof path, "%s", name);
	} else {
		if (!path_of(folder, path))
			return 0;
		size_t length = strlen(path);
		snprintf(path + length, sizeof path - length, "/%s", name);
	}
	return is_below(path) ? fault(call, path, fills) : 0;
}

static int fault_on(const char *call, int fd, int fills)
{
	char path[PATH_MAX];
	if (!state || !state->armed || !path_of(fd, path) || !is_below(path))
		return 0;
	return fault(call, path, fills);
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
#define GUARD(failure) do { int error = (failure); if (error) { errno = error; return -1; } } while (0)
#define CREATES(flags) ((flags) & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC))

static mode_t mode_in(int flags, va_list list)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list list; \
		va_start(list, flags); \
		mode_t mode = mode_in(flags, list); \
		va_end(list); \
		if (CREATES(flags)) \
			GUARD(fault_at("open", AT_FDCWD, path, flags & O_CREAT)); \
		return REAL(int, name, const char *, int, ...)(path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
	int name(int folder, const char *path, int flags, ...) \
	{ \
		va_list list; \
		va_start(list, flags); \
		mode_t mode = mode_in(flags, list); \
		va_end(list); \
		if (CREATES(flags)) \
			GUARD(fault_at("open", folder, path, flags & O_CREAT)); \
		return REAL(int, name, int, const char *, int, ...)(folder, path, flags, mode); \
	}
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode)
{
	GUARD(fault_at("open", AT_FDCWD, path, 1));
	return REAL(int, creat, const char *, mode_t)(path, mode);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	GUARD(fault_on("write", fd, 1));
	return REAL(ssize_t, write, int, const void *, size_t)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	GUARD(fault_on("write", fd, 1));
	return REAL(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	GUARD(fault_on("write", fd, 1));
	return REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
	GUARD(fault_on("write", fd, 1));
	return REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, bytes, length, at);
}

/* Notes that the content of a file is on the disk. */
static int is_synced(int fd, int result)
{
	struct stat found;
	char line[32];
	if (!result && synced && !fstat(fd, &found)) {
		int length = snprintf(line, sizeof line, "%llu\n", (unsigned long long)found.st_ino);
		int log = syscall(SYS_openat, AT_FDCWD, synced, O_WRONLY | O_APPEND | O_CLOEXEC);
		syscall(SYS_write, log, line, length);
		syscall(SYS_close, log);
	}
	return result;
}

int fsync(int fd)
{
	GUARD(fault_on("fsync", fd, 0));
	return is_synced(fd, REAL(int, fsync, int)(fd));
}

int fdatasync(int fd)
{
	GUARD(fault_on("fsync", fd, 0));
	return is_synced(fd, REAL(int, fdatasync, int)(fd));
}

/* Git writes many files out, and then syncs one of them. */
int sync_file_range(int fd, off64_t from, off64_t length, unsigned int flags)
{
	return is_synced(fd, REAL(int, sync_file_range, int, off64_t, off64_t, unsigned int)(fd, from, length, flags));
}

/* The system's clock, moved; the monotonic clock is never moved. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = syscall(SYS_clock_gettime, clock, now);
	if (!result && state && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += state->ahead;
	return result;
}

time_t time(time_t *kept)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (kept)
		*kept = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone)
{
	struct timespec exact;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

int rename(const char *from, const char *to)
{
	GUARD(fault_at("rename", AT_FDCWD, to, 0));
	return REAL(int, rename, const char *, const char *)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	GUARD(fault_at("rename", to_folder, to, 0));
	return REAL(int, renameat, int, const char *, int, const char *)(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags)
{
	GUARD(fault_at("rename", to_folder, to, 0));
	return REAL(int, renameat2, int, const char *, int, const char *, unsigned int)(from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to)
{
	GUARD(fault_at("link", AT_FDCWD, to, 1));
	return REAL(int, link, const char *, const char *)(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
	GUARD(fault_at("link", to_folder, to, 1));
	return REAL(int, linkat, int, const char *, int, const char *, int)(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path)
{
	GUARD(fault_at("unlink", AT_FDCWD, path, 0));
	return REAL(int, unlink, const char *)(path);
}

int unlinkat(int folder, const char *path, int flags)
{
	GUARD(fault_at("unlink", folder, path, 0));
	return REAL(int, unlinkat, int, const char *, int)(folder, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	GUARD(fault_at("mkdir", AT_FDCWD, path, 1));
	return REAL(int, mkdir, const char *, mode_t)(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
	GUARD(fault_at("mkdir", folder, path, 1));
	return REAL(int, mkdirat, int, const char *, mode_t)(folder, path, mode);
}

int symlink(const char *to, const char *path)
{
	GUARD(fault_at("symlink", AT_FDCWD, path, 1));
	return REAL(int, symlink, const char *, const char *)(to, path);
}

int symlinkat(const char *to, int folder, const char *path)
{
	GUARD(fault_at("symlink", folder, path, 1));
	return REAL(int, symlinkat, const char *, int, const char *)(to, folder, path);
}

int rmdir(const char *path)
{
	if (until) {
		size_t length = strlen(path), end = strlen(until);
		is_over |= length >= end && !strcmp(path + length - end, until);
	}
	return REAL(int, rmdir, const char *)(path);
}
