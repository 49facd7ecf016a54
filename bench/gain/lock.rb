# SPDX-License-Identifier: LGPL-2.1-or-later
# Lock 256 MiB by ruby-ffi, which opens libc and asks the handle for mlock.
require 'ffi'

module C
  extend FFI::Library
  ffi_lib 'libc.so.6'
  attach_function :mmap, [:pointer, :size_t, :int, :int, :int, :off_t], :pointer
  attach_function :mlock, [:pointer, :size_t], :int
end

PAGES = 65_536
SIZE = PAGES * 4096
# PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
memory = C.mmap(nil, SIZE, 3, 0x22, -1, 0)
abort "lock: errno #{FFI.errno}" unless C.mlock(memory, SIZE).zero?
memory.put_uint8(0, 1)
puts 'ready'
$stdout.flush
if $stdin.gets
  PAGES.times { |i| memory.put_uint8(i * 4096, i % 256) }
  puts "sum #{(0...PAGES).sum { |i| memory.get_uint8(i * 4096) }}"
  $stdout.flush
end
sleep
