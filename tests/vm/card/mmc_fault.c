/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * mmc_fault: requests to the SD card fail, or seem to take long, on a kernel that was built without
 * fault injection.
 *
 * Theory of operation: a probe stands at mmc_request_done(), where every host driver hands a finished
 * request back to the core. What is to fail gets a time-out as its result there, so the core, the block
 * layer, swap and the file system do what they do with a card that is really ill: try again, give up,
 * complain. What is to take long is not handed back before its time: it is in flight until then, which
 * no throttle above the driver can bring about.
 *
 * After a failed write the core asks the card how many blocks arrived (ACMD22). QEMU 7.2 answers in
 * the wrong byte order, and the core believes that all of them did: so that question fails as well.
 */
#include <linux/kprobes.h>
#include <linux/limits.h>
#include <linux/mmc/core.h>
#include <linux/mmc/host.h>
#include <linux/mmc/mmc.h>
#include <linux/mmc/sd.h>
#include <linux/module.h>
#include <linux/workqueue.h>

static int reads, writes;
module_param(reads, int, 0644);
MODULE_PARM_DESC(reads, "how many reads still fail; -1: all");
module_param(writes, int, 0644);
MODULE_PARM_DESC(writes, "how many writes still fail; -1: all");

static unsigned int hold_ms;
module_param(hold_ms, uint, 0644);
MODULE_PARM_DESC(hold_ms, "how long each write seems to take");

static unsigned int first, last = UINT_MAX;
module_param(first, uint, 0644);
module_param(last, uint, 0644);
MODULE_PARM_DESC(first, "only requests that begin in this sector (of a card above 2 GB) or later");
MODULE_PARM_DESC(last, "only requests that begin in this sector or earlier");

static unsigned long failed;
module_param(failed, ulong, 0444);
MODULE_PARM_DESC(failed, "requests that failed so far");

/* The one request that is held back: a card has one at a time. */
static struct mmc_host *held_host;
static struct mmc_request *held_request, *released;
static void release(struct work_struct *work);
static DECLARE_DELAYED_WORK(release_work, release);

static void release(struct work_struct *work)
{
	struct mmc_host *host = held_host;

	released = held_request;
	held_request = NULL;
	mmc_request_done(host, released);
	released = NULL;
}

static bool is_transfer(const struct mmc_command *command)
{
	switch (command->opcode) {
	case MMC_READ_SINGLE_BLOCK:
	case MMC_READ_MULTIPLE_BLOCK:
	case MMC_WRITE_BLOCK:
	case MMC_WRITE_MULTIPLE_BLOCK:
		return command->arg >= first && command->arg <= last;
	default:
		return false;
	}
}

static void fail(struct mmc_data *data, int *left)
{
	data->error = -ETIMEDOUT;
	data->bytes_xfered = 0;
	failed++;
	if (*left > 0)
		(*left)--;
}

static int on_done(struct kprobe *probe, struct pt_regs *regs)
{
	static bool was_write;
	struct mmc_request *request = (struct mmc_request *)regs_get_kernel_argument(regs, 1);

	if (!request || !request->cmd || !request->data)
		return 0;
	if (request->cmd->opcode == SD_APP_SEND_NUM_WR_BLKS && was_write) {
		request->data->error = -ETIMEDOUT;
		was_write = false;
	}
	if (request->cmd->error || request->data->error || !is_transfer(request->cmd))
		return 0;

	bool is_write = request->data->flags & MMC_DATA_WRITE;
	int *left = is_write ? &writes : &reads;

	if (*left != 0) {
		fail(request->data, left);
		was_write = is_write;
	} else if (is_write && hold_ms && request != released && !held_request) {
		held_host = (struct mmc_host *)regs_get_kernel_argument(regs, 0);
		held_request = request;
		schedule_delayed_work(&release_work, msecs_to_jiffies(hold_ms));
		/* Back to the caller: the function is not run now. */
		instruction_pointer_set(regs, procedure_link_pointer(regs));
		return 1;
	}
	return 0;
}

static struct kprobe probe = {.symbol_name = "mmc_request_done", .pre_handler = on_done};

static int __init mmc_fault_init(void)
{
	return register_kprobe(&probe);
}

static void __exit mmc_fault_exit(void)
{
	unregister_kprobe(&probe);
	flush_delayed_work(&release_work);
}

module_init(mmc_fault_init);
module_exit(mmc_fault_exit);
MODULE_DESCRIPTION("SD card requests fail or take long");
MODULE_LICENSE("Dual MIT/GPL");
