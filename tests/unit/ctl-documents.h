/* SPDX-License-Identifier: MIT */
/* A status document as the daemon writes it on a Pi that sheds, for the tests of hostingpictl. */
#ifndef HOSTINGPI_TEST_CTL_DOCUMENTS_H
#define HOSTINGPI_TEST_CTL_DOCUMENTS_H

#define DOCUMENT_SHED                                                                                                      \
	"{\"id\":\"pi-attic\",\"id_from\":\"soc serial\",\"version\":\"1.2\",\"ts\":1763650931000,"                        \
	"\"seq\":77,\"started\":1763650000000,\"dry_run\":false,\"state\":{\"ts\":1763650931000,"                          \
	"\"seq\":77,\"interval_ms\":1000,\"soc\":{\"temp_c\":61.234,\"undervoltage\":true,"                                \
	"\"freq_hz\":1500000000},\"mem\":{\"total_bytes\":965738496,\"available_bytes\":400000000,"                        \
	"\"headroom_bytes\":117440512,\"reserve_bytes\":289406976},\"swap\":{\"kind\":\"disk\",\"total_bytes\":104857600," \
	"\"used_bytes\":12582912,\"in_bytes_s\":0,\"out_bytes_s\":4096,\"oom_kills\":0},"                                  \
	"\"sd\":{\"device\":\"mmcblk0\",\"write_latency_ms\":4,\"write_bytes_s\":123456,"                                  \
	"\"write_errors\":2,\"read_errors\":0,\"stalled\":false},\"web\":{\"source\":"                                     \
	"\"http://[::1]/server-status?auto\",\"requests_s\":12.3,\"busy_workers\":5,"                                      \
	"\"idle_workers\":3},\"net\":{\"rx_bytes_s\":1234,\"tx_bytes_s\":999424},\"lb\":{"                                 \
	"\"weight\":42,\"maxconn\":6,\"state\":\"shed\",\"balancers\":2},\"self\":{"                                       \
	"\"rss_bytes\":4194304,\"cpu_ms_s\":0.31,\"loop_late_ms\":0.2},\"unknown\":{"                                      \
	"\"mem.psi_some_ratio\":\"PSI is off: add psi=1 to the kernel command line\","                                     \
	"\"sd.health\":\"the card does not tell\"}},\"decision\":{\"weight\":42,\"maxconn\":6,"                            \
	"\"state\":\"shed\",\"reason\":\"memory shrinks\",\"since\":1763650731000,"                                        \
	"\"capacity\":12,\"nominal\":28,\"balancers\":2,\"drain\":false,"                                                  \
	"\"headroom_bytes\":117440512,\"time_to_swap_s\":41.2},\"notifiers\":{\"mqtt\":{"                                  \
	"\"queue_waiting\":0,\"configured\":true,\"connected\":false,\"state\":"                                           \
	"\"waiting before the next attempt\",\"broker\":\"[::1]:1883\",\"last_error\":"                                    \
	"\"Connection refused\"},\"haproxy\":{\"queue_waiting\":0,\"listen\":[\"[::1]:9777\","                             \
	"\"127.0.0.1:9777\"],\"failed\":[{\"address\":\"192.0.2.1:9777\",\"error\":"                                       \
	"\"Cannot assign requested address\"}]},\"http\":{\"listen\":[\"[::1]:9778\",\"[::]:9779\","                       \
	"\"unix:/run/hostingpi/http.sock\"]}},\"balancers\":[{\"name\":\"lb1/pool\","                                      \
	"\"address\":\"::1\",\"seen_s\":0.2,\"interval_ms\":500},{\"name\":null,\"address\":\"192.0.2.9\","                \
	"\"seen_s\":0.4}],\"config\":{\"path\":\"/etc/hostingpi/hostingpi.conf\","                                         \
	"\"digest\":\"0123456789abcdef\"}}"

#endif
