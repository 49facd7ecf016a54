// SPDX-License-Identifier: LGPL-2.1-or-later

// Lock 256 MiB by package syscall, which makes its system calls without libc.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

const pages = 65536

func main() {
	memory, err := syscall.Mmap(-1, 0, pages*4096,
		syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err == nil {
		err = syscall.Mlock(memory)
	}
	if err != nil {
		fmt.Println("lock:", err)
		os.Exit(1)
	}
	memory[0] = 1
	fmt.Println("ready")
	if n, _ := os.Stdin.Read(make([]byte, 1)); n > 0 {
		sum := 0
		for i := 0; i < pages; i++ {
			memory[i*4096] = byte(i)
		}
		for _, b := range memory {
			sum += int(b)
		}
		fmt.Println("sum", sum)
	}
	for {
		time.Sleep(time.Hour)
	}
}
