<?php
/* SPDX-License-Identifier: MIT */
/*
 * page.php?mb=M&ms=T: builds M MB of rows, waits T ms for its "database", and answers. Rows below 2 MB
 * come from the allocator's chunks, so that the worker keeps much of its peak, as with real sites.
 */
$rows = [];
$count = 16 * (int)($_GET['mb'] ?? 8);
for ($i = 0; $i < $count; $i++)
	$rows[] = str_repeat(chr(33 + $i % 90), 65000);
usleep(1000 * (int)($_GET['ms'] ?? 100));
$sum = 0;
foreach ($rows as $row)
	$sum += ord($row[$sum % 65000]);
header('Content-Type: text/html');
echo "<!DOCTYPE html><title>page</title><p>", count($rows), " rows, sum $sum</p>",
	str_repeat("<p>A line of the page, as long as such lines are.</p>\n", 150), "<!-- end -->\n";
