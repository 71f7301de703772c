import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Consumer;
import io.nats.client.Dispatcher;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.NKey;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Exercises a NATS server with the official Java client; see ../README.md. */
public final class Exercise {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private static void say(String json) {
    System.out.println(json);
    System.out.flush();
  }

  private static String env(String name) {
    return System.getenv(name);
  }

  private static Certificate certificate(String path) throws Exception {
    try (InputStream stream = new FileInputStream(path)) {
      return CertificateFactory.getInstance("X.509").generateCertificate(stream);
    }
  }

  private static SSLContext tls() throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    trusted.setCertificateEntry("ca", certificate(env("NATS_CA")));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyManagerFactory keys = null;
    if (env("NATS_CERT") != null) {
      String pem = Files.readString(Path.of(env("NATS_KEY"))).replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
      KeyStore own = KeyStore.getInstance(KeyStore.getDefaultType());
      own.load(null, null);
      own.setKeyEntry("own", KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem))),
          new char[0], new Certificate[] {certificate(env("NATS_CERT"))});
      keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(own, new char[0]);
    }
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys == null ? null : keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private static Options.Builder options() throws Exception {
    Options.Builder builder = new Options.Builder()
        .server(env("NATS_URL"))
        .connectionTimeout(PATIENCE)
        .reconnectWait(Duration.ofMillis(50))
        .maxReconnects(-1)
        .errorListener(new ErrorListener() {});
    if (env("NATS_CA") != null) builder.sslContext(tls());
    if (env("NATS_TOKEN") != null) builder.token(env("NATS_TOKEN").toCharArray());
    if (env("NATS_USER") != null) builder.userInfo(env("NATS_USER"), env("NATS_PASSWORD"));
    if (env("NATS_SEED") != null) {
      NKey key = NKey.fromSeed(Files.readString(Path.of(env("NATS_SEED"))).trim().toCharArray());
      builder.authHandler(new io.nats.client.AuthHandler() {
        public byte[] sign(byte[] nonce) {
          try {
            return key.sign(nonce);
          } catch (Exception error) {
            throw new IllegalStateException(error);
          }
        }

        public char[] getID() {
          try {
            return key.getPublicKey();
          } catch (Exception error) {
            throw new IllegalStateException(error);
          }
        }

        public char[] getJWT() {
          return null;
        }
      });
    }
    return builder;
  }

  private static Connection dial() throws Exception {
    return Nats.connect(options().build());
  }

  private static boolean until(BooleanSupplier done) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end && !done.getAsBoolean()) Thread.sleep(5);
    return done.getAsBoolean();
  }

  private static String list(List<String> values) {
    List<String> quoted = new ArrayList<>();
    for (String value : values) quoted.add('"' + value + '"');
    return "[" + String.join(",", quoted) + "]";
  }

  private static String messages() throws Exception {
    Connection client = dial();
    Connection other = dial();
    List<String> seen = Collections.synchronizedList(new ArrayList<>());
    Dispatcher dispatcher = client.createDispatcher();
    dispatcher.subscribe("a.*.c", message -> seen.add("* " + message.getSubject() + " " + new String(message.getData())));
    dispatcher.subscribe("a.>", message -> seen.add("> " + message.getSubject() + " " + new String(message.getData())));
    Subscription gone = dispatcher.subscribe("a.b.c", message -> seen.add("never"));
    dispatcher.unsubscribe(gone);
    dispatcher.subscribe("big", message -> client.publish(message.getReplyTo(), message.getData()));
    client.flush(PATIENCE);
    for (String subject : List.of("a.b.c", "a.b.d", "a.b", "b.b.c")) other.publish(subject, "hi".getBytes());
    Message answer = other.request("big", new byte[500_000], PATIENCE);
    until(() -> seen.size() >= 4);
    client.flush(PATIENCE);
    List<String> sorted = new ArrayList<>(seen);
    Collections.sort(sorted);
    return "{\"seen\":" + list(sorted) + ",\"bytes\":" + answer.getData().length + "}";
  }

  private static String queue() throws Exception {
    Connection client = dial();
    List<AtomicInteger> counts = List.of(new AtomicInteger(), new AtomicInteger(), new AtomicInteger());
    for (AtomicInteger count : counts) {
      client.createDispatcher().subscribe("work", "workers", message -> count.incrementAndGet());
    }
    client.flush(PATIENCE);
    for (int count = 0; count < 300; count++) client.publish("work", new byte[0]);
    client.flush(PATIENCE);
    until(() -> counts.stream().mapToInt(AtomicInteger::get).sum() >= 300);
    long served = counts.stream().filter(count -> count.get() > 0).count();
    return "{\"total\":" + counts.stream().mapToInt(AtomicInteger::get).sum() + ",\"served\":" + served + "}";
  }

  private static String request() throws Exception {
    Connection client = dial();
    client.createDispatcher().subscribe("echo",
        message -> client.publish(message.getReplyTo(), ("re: " + new String(message.getData())).getBytes()));
    client.flush(PATIENCE);
    Message answer = client.request("echo", "hi".getBytes(), PATIENCE);
    boolean nobody = false;
    try {
      CompletableFuture<Message> future = client.request("nobody", "hi".getBytes());
      future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (CancellationException | ExecutionException error) {
      nobody = true;
    }
    return "{\"answer\":\"" + new String(answer.getData()) + "\",\"nobody\":" + nobody + "}";
  }

  private static String headers() throws Exception {
    Connection client = dial();
    Subscription subscription = client.subscribe("h");
    Headers sent = new Headers().add("X-Test", "one", "two");
    client.publish(NatsMessage.builder().subject("h").headers(sent).data("body").build());
    Message message = subscription.nextMessage(PATIENCE);
    return "{\"values\":" + list(message.getHeaders().get("X-Test")) + "}";
  }

  private static String drain() throws Exception {
    Connection client = dial();
    Connection other = dial();
    AtomicInteger seen = new AtomicInteger();
    client.createDispatcher().subscribe("d", message -> seen.incrementAndGet());
    client.flush(PATIENCE);
    for (int count = 0; count < 1000; count++) other.publish("d", "x".getBytes());
    other.flush(PATIENCE);
    client.drain(PATIENCE).get();
    return "{\"seen\":" + seen.get() + "}";
  }

  private static String reconnect() throws Exception {
    AtomicInteger returns = new AtomicInteger();
    AtomicInteger seen = new AtomicInteger();
    ConnectionListener listener = (connection, event) -> {
      if (event == ConnectionListener.Events.RESUBSCRIBED) returns.incrementAndGet();
    };
    Connection client = Nats.connect(options().connectionListener(listener).build());
    client.createDispatcher().subscribe("again", message -> {
      if (returns.get() > 0) seen.incrementAndGet();
    });
    client.flush(PATIENCE);
    say("{\"ready\":true}");
    boolean back = until(() -> {
      if (returns.get() > 0) client.publish("again", new byte[0]);
      return seen.get() > 0;
    });
    return "{\"back\":" + back + "}";
  }

  private static String slow() throws Exception {
    AtomicBoolean noticed = new AtomicBoolean();
    ErrorListener errors = new ErrorListener() {
      public void slowConsumerDetected(Connection connection, Consumer consumer) {
        noticed.set(true);
      }
    };
    Connection client = Nats.connect(options().errorListener(errors).build());
    Connection other = dial();
    CountDownLatch gate = new CountDownLatch(1);
    Dispatcher dispatcher = client.createDispatcher(message -> gate.await());
    dispatcher.setPendingLimits(10, -1);
    dispatcher.subscribe("s");
    client.flush(PATIENCE);
    for (int count = 0; count < 1000; count++) other.publish("s", "x".getBytes());
    other.flush(PATIENCE);
    until(noticed::get);
    gate.countDown();
    client.flush(PATIENCE);
    return "{\"noticed\":" + noticed.get() + ",\"alive\":true}";
  }

  private static String refused() {
    try {
      Nats.connect(options().connectionTimeout(Duration.ofSeconds(3)).maxReconnects(0).build());
      return "{\"refused\":false,\"message\":\"\"}";
    } catch (Exception error) {
      return "{\"refused\":true,\"message\":\"" + String.valueOf(error.getMessage()).toLowerCase().replace("\"", "'") + "\"}";
    }
  }

  public static void main(String[] args) throws Exception {
    say(switch (args[0]) {
      case "messages" -> messages();
      case "queue" -> queue();
      case "request" -> request();
      case "headers" -> headers();
      case "drain" -> drain();
      case "reconnect" -> reconnect();
      case "slow" -> slow();
      case "refused" -> refused();
      default -> throw new IllegalArgumentException("no scenario " + args[0]);
    });
    System.exit(0);
  }
}
