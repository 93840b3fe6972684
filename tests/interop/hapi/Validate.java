// For every line on stdin, a JSON list of resources, writes what HAPI's validator has against each of them: a
// list of texts, none for a valid one. What it only informs of is left out, and that there is no narrative.
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

class Validate {
  static final String NARRATIVE = "http://hl7.org/fhir/StructureDefinition/DomainResource#dom-6";

  public static void main(String[] args) throws IOException {
    var context = FhirContext.forR4();
    var definitions = new ValidationSupportChain(
        new DefaultProfileValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context));
    var validator = context.newValidator().registerValidatorModule(new FhirInstanceValidator(definitions));
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      var faults = new JsonArray();
      for (JsonElement resource : JsonParser.parseString(line).getAsJsonArray()) {
        faults.add(faults(validator, resource.toString()));
      }
      out.println(faults);
    }
  }

  static JsonArray faults(FhirValidator validator, String resource) {
    var found = new JsonArray();
    for (SingleValidationMessage each : validator.validateWithResult(resource).getMessages()) {
      if (each.getSeverity() != ResultSeverityEnum.INFORMATION && !NARRATIVE.equals(each.getMessageId())) {
        found.add(each.getSeverity() + ": " + each.getMessage() + " (" + each.getLocationString() + ")");
      }
    }
    return found;
  }
}
