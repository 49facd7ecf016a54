// SPDX-License-Identifier: LGPL-2.1-or-later
import com.sun.jna.Library;
import com.sun.jna.Native;

/** Lock all memory by JNA. */
public class Jna {
	public interface C extends Library {
		int mlockall(int flags);
	}

	public static void main(String[] args) throws Exception {
		// MCL_CURRENT | MCL_FUTURE
		Locked.run(Native.load("c", C.class).mlockall(3));
	}
}
