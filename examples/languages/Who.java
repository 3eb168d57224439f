// java -cp /usr/share/java/jna.jar Who.java SNAPSHOT: by JNA.
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.StringJoiner;

public class Who {
    // A size_t is a long here: this is for machines of 64 bits.
    interface Memsec extends Library {
        int memsec_snapshot_from_json(byte[] json, long length,
                PointerByReference out, PointerByReference error);
        int memsec_audit(Pointer snapshot, Pointer policy,
                PointerByReference out, PointerByReference error);
        long memsec_report_exposure_len(Pointer report);
        Pointer memsec_report_exposure(Pointer report, long index);
        int memsec_exposure_proto(Pointer exposure);
        short memsec_exposure_port(Pointer exposure);
        String memsec_exposure_interface(Pointer exposure);
        String memsec_exposure_may(Pointer exposure, long index);
        int memsec_plan_new(Pointer report, PointerByReference out,
                PointerByReference error);
        int memsec_plan_render(Pointer plan, int form,
                PointerByReference out, PointerByReference error);
        String memsec_error_message(Pointer error);
        void memsec_string_free(Pointer text);
        void memsec_plan_free(Pointer plan);
        void memsec_report_free(Pointer report);
        void memsec_snapshot_free(Pointer snapshot);
    }

    interface Call {
        int by(PointerByReference out, PointerByReference error);
    }

    static final int UDP = 17;
    static final int DIFF = 1;
    static final Memsec C = Native.load("libmemsec.so.0", Memsec.class);

    static Pointer make(Call call) {
        PointerByReference out = new PointerByReference();
        PointerByReference error = new PointerByReference();
        if (call.by(out, error) != 0) {
            System.err.println(C.memsec_error_message(error.getValue()));
            System.exit(2);
        }
        return out.getValue();
    }

    static void print(Pointer exposure) {
        StringJoiner networks = new StringJoiner(" ").setEmptyValue("nobody");
        String network;
        for (int i = 0; (network = C.memsec_exposure_may(exposure, i)) != null; i++)
            networks.add(network);
        System.out.printf("%s %d by %s: %s%n",
                C.memsec_exposure_proto(exposure) == UDP ? "udp" : "tcp",
                Short.toUnsignedInt(C.memsec_exposure_port(exposure)),
                C.memsec_exposure_interface(exposure), networks);
    }

    public static void main(String[] arguments) throws Exception {
        byte[] json = Files.readAllBytes(Path.of(arguments[0]));
        Pointer snapshot = make((out, error) ->
                C.memsec_snapshot_from_json(json, json.length, out, error));
        Pointer report = make((out, error) ->
                C.memsec_audit(snapshot, null, out, error));
        Pointer plan = make((out, error) ->
                C.memsec_plan_new(report, out, error));
        Pointer diff = make((out, error) ->
                C.memsec_plan_render(plan, DIFF, out, error));
        for (long i = 0; i < C.memsec_report_exposure_len(report); i++)
            print(C.memsec_report_exposure(report, i));
        System.out.print(diff.getString(0, StandardCharsets.UTF_8.name()));
        C.memsec_string_free(diff);
        C.memsec_plan_free(plan);
        C.memsec_report_free(report);
        C.memsec_snapshot_free(snapshot);
    }
}
