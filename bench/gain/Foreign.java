// SPDX-License-Identifier: LGPL-2.1-or-later
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import jdk.incubator.foreign.CLinker;
import jdk.incubator.foreign.FunctionDescriptor;

/** Lock all memory by a foreign function of Java 17. */
public class Foreign {
	public static void main(String[] args) throws Throwable {
		MethodHandle mlockall = CLinker.getInstance().downcallHandle(
			CLinker.systemLookup().lookup("mlockall").get(),
			MethodType.methodType(int.class, int.class),
			FunctionDescriptor.of(CLinker.C_INT, CLinker.C_INT));

		// MCL_CURRENT | MCL_FUTURE
		Locked.run((int)mlockall.invokeExact(3));
	}
}
