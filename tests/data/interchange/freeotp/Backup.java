// Writes the backup of FreeOTP 2 as that program does: with Java's own cryptography and serialisation.
// First line: password, iterations, key derivation. Then one a line: seed in hexadecimal, algorithm, the token's JSON.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.ObjectOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.UUID;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

public class Backup {
    static String encrypted(SecretKey with, SecretKey key) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(Cipher.ENCRYPT_MODE, with);
        cipher.updateAAD(key.getAlgorithm().getBytes(StandardCharsets.UTF_8));
        byte[] text = cipher.doFinal(key.getEncoded());
        return "{\"mCipherText\":" + list(text) + ",\"mParameters\":" + list(cipher.getParameters().getEncoded())
            + ",\"mCipher\":\"" + cipher.getAlgorithm() + "\",\"mToken\":\"" + key.getAlgorithm() + "\"}";
    }

    static String list(byte[] bytes) {
        return Arrays.toString(bytes).replace(" ", "");
    }

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String[] head = input.readLine().split("\t");
        byte[] salt = new byte[32];
        byte[] raw = new byte[32];
        new SecureRandom().nextBytes(salt);
        new SecureRandom().nextBytes(raw);
        int iterations = Integer.parseInt(head[1]);
        var spec = new PBEKeySpec(head[0].toCharArray(), salt, iterations, 256);
        SecretKey password = SecretKeyFactory.getInstance(head[2]).generateSecret(spec);
        password = new SecretKeySpec(password.getEncoded(), "AES");
        SecretKey master = new SecretKeySpec(raw, "AES");

        var map = new HashMap<String, Object>();
        map.put("masterKey", "{\"mAlgorithm\":\"" + head[2] + "\",\"mEncryptedKey\":" + encrypted(password, master)
            + ",\"mIterations\":" + iterations + ",\"mSalt\":" + list(salt) + "}");
        for (String line; (line = input.readLine()) != null;) {
            String[] parts = line.split("\t");
            String uuid = UUID.nameUUIDFromBytes(line.getBytes(StandardCharsets.UTF_8)).toString();
            SecretKey seed = new SecretKeySpec(HexFormat.of().parseHex(parts[0]), parts[1]);
            map.put(uuid, "{\"key\":\"" + encrypted(master, seed).replace("\"", "\\\"") + "\"}");
            map.put(uuid + "-token", parts[2]);
        }
        var output = new ObjectOutputStream(System.out);
        output.writeObject(map);
        output.flush();
    }
}
