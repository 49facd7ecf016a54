// SPDX-License-Identifier: LGPL-2.1-or-later
// A server that locks all its memory first, as search engines and databases in
// Java do, and makes garbage for each answer.
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

public class Server {
    static native int lockall();

    static long churn() {
        long sum = 0;

        for (int i = 0; i < 20000; i++) {
            byte[] block = new byte[1 + (i * 7919) % 60000];
            ByteBuffer direct = ByteBuffer.allocateDirect(4096);

            block[block.length / 2] = (byte) i;
            direct.putInt(i % 1024, i);
            sum += block[block.length / 2] + direct.getInt(i % 1024);
        }
        return sum;
    }

    public static void main(String[] args) throws Exception {
        System.load(args[1]);
        System.out.println("mlockall: " + lockall());
        HttpServer server = HttpServer.create(new InetSocketAddress(
            "127.0.0.1", Integer.parseInt(args[0])), 0);
        server.createContext("/", exchange -> {
            byte[] answer = (churn() + "\n").getBytes();

            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
    }
}
