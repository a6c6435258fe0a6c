/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The node /dev/vcio_gencmd of a Raspberry Pi's kernel, for a guest that has none: a misc device whose one ioctl
 * takes a property message with a string command and puts an answer into it. So udev, the account's
 * groups and the unit's device rules are tried on the real name. What it answers is one word, `throttled`.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#define MAILBOX_PROPERTY _IOWR(100, 0, char *)
#define TAG_STRING_COMMAND 0x00030080
#define DONE 0x80000000u

static char *throttled =
	"throttled=0x50000"; /* has been throttled, and short of voltage, since boot */
module_param(throttled, charp, 0644);

static long node_ioctl(struct file *file, unsigned int number, unsigned long user)
{
	u32 head[7]; /* size, status, tag, size of its value, length, result, first word of the text */
	char command[16] = "";
	const char *answer = "error=1 error_msg=\"Command not registered\"";
	size_t offset = 6 * sizeof(u32);

	if (number != MAILBOX_PROPERTY)
		return -ENOTTY;
	if (copy_from_user(head, (void __user *)user, sizeof(head)))
		return -EFAULT;
	if (head[2] != TAG_STRING_COMMAND || head[0] < offset + 128)
		return -EINVAL;
	if (strncpy_from_user(command, (char __user *)user + offset, sizeof(command) - 1) < 0)
		return -EFAULT;
	if (strncmp(command, "get_throttled", 13) == 0)
		answer = throttled;
	head[1] = DONE;
	head[4] = DONE | (u32)(sizeof(u32) + strlen(answer) + 1);
	head[5] = 0;
	if (copy_to_user((void __user *)user, head, offset) ||
	    copy_to_user((char __user *)user + offset, answer, strlen(answer) + 1))
		return -EFAULT;
	return 0;
}

static const struct file_operations node_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = node_ioctl,
};

static struct miscdevice node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vcio_gencmd",
	.fops = &node_operations,
	.mode = 0600,
};

module_misc_device(node);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("stands in for the firmware node of a Raspberry Pi");
