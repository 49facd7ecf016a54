// SPDX-License-Identifier: LGPL-2.1-or-later
/** The part of Jna and Foreign after mlockall. */
class Locked {
	static final int PAGES = 65536;

	static void run(int result) throws Exception {
		if (result != 0)
			throw new Exception("mlockall failed");
		System.out.println("ready");
		if (System.in.read() >= 0) {
			byte[] memory = new byte[PAGES * 4096];
			long sum = 0;

			for (int i = 0; i < PAGES; i++)
				memory[i * 4096] = (byte)i;
			for (byte b : memory)
				sum += b & 0xff;
			System.out.println("sum " + sum);
		}
		Thread.sleep(Long.MAX_VALUE);
	}
}
