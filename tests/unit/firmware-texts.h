/* SPDX-License-Identifier: MIT */
/* Answers of the firmware. The table has the form that a Pi 5 prints; the numbers are made up. */
#ifndef HOSTINGPI_TEST_FIRMWARE_TEXTS_H
#define HOSTINGPI_TEST_FIRMWARE_TEXTS_H

#define RAILS_BUT_SUPPLY                                                                           \
	" 3V7_WL_SW_A current(0)=0.10000000A\n"                                                    \
	"   3V3_SYS_A current(1)=0.05000000A\n"                                                    \
	"   1V8_SYS_A current(2)=0.11515970A\n"                                                    \
	"  DDR_VDD2_A current(3)=0.00780744A\n"                                                    \
	"  DDR_VDDQ_A current(4)=0.00000000A\n"                                                    \
	"   1V1_SYS_A current(5)=0.17664330A\n"                                                    \
	"    0V8_SW_A current(6)=0.33084030A\n"                                                    \
	"  VDD_CORE_A current(7)=1.50000000A\n"                                                    \
	"   3V3_DAC_A current(17)=0.00146520A\n"                                                   \
	"   3V3_ADC_A current(18)=0.00140415A\n"                                                   \
	"   0V8_AON_A current(16)=0.00494505A\n"                                                   \
	"      HDMI_A current(22)=0.01697190A\n"                                                   \
	" 3V7_WL_SW_V volt(8)=3.70000000V\n"                                                       \
	"   3V3_SYS_V volt(9)=3.30000000V\n"                                                       \
	"   1V8_SYS_V volt(10)=1.80000000V\n"                                                      \
	"  DDR_VDD2_V volt(11)=1.10000000V\n"                                                      \
	"  DDR_VDDQ_V volt(12)=0.60000000V\n"                                                      \
	"   1V1_SYS_V volt(13)=1.10000000V\n"                                                      \
	"    0V8_SW_V volt(14)=0.80000000V\n"                                                      \
	"  VDD_CORE_V volt(15)=0.80000000V\n"                                                      \
	"   3V3_DAC_V volt(20)=3.30000000V\n"                                                      \
	"   3V3_ADC_V volt(21)=3.30000000V\n"                                                      \
	"   0V8_AON_V volt(19)=0.80000000V\n"                                                      \
	"      HDMI_V volt(23)=5.10000000V\n"
#define RAILS_WITH(supply)                                                                         \
	RAILS_BUT_SUPPLY                                                                           \
	"     EXT5V_V volt(24)=" supply "V\n"                                                      \
	"      BATT_V volt(25)=0.01880340V\n"
#define RAILS RAILS_WITH("5.11478000")

#define VERSION                                                                                    \
	"Mar 24 2022 13:19:26 \n"                                                                  \
	"Copyright (c) 2012 Broadcom\n"                                                            \
	"version 0123456789abcdef0123456789abcdef01234567 (clean) (release) (start)\n"
#define VERSION_SHORT "Mar 24 2022 13:19:26 0123456789abcdef0123456789abcdef01234567"

#define UNKNOWN_COMMAND "error=1 error_msg=\"Command not registered\""

#endif
