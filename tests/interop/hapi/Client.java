// What HAPI's generic client does with a FHIR server. For every line on stdin, a JSON object {base, token, search, ...}
// with what that search wants to know, writes one: what was found, Bundle for Bundle, or what it was refused with.
// Parsed strictly: what R4 does not have ends this program.
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.model.api.Include;
import ca.uhn.fhir.parser.StrictErrorHandler;
import ca.uhn.fhir.rest.api.CacheControlDirective;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.api.SearchTotalModeEnum;
import ca.uhn.fhir.rest.api.SummaryEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ICriterion;
import ca.uhn.fhir.rest.gclient.IQuery;
import ca.uhn.fhir.rest.param.DateRangeParam;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import org.hl7.fhir.instance.model.api.IBaseBundle;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.Location;
import org.hl7.fhir.r4.model.Practitioner;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.Schedule;
import org.hl7.fhir.r4.model.Slot;

class Client {
  static final String NPI = "http://hl7.org/fhir/sid/us-npi";
  static final FhirContext CONTEXT = FhirContext.forR4();

  public static void main(String[] args) throws IOException {
    CONTEXT.setParserErrorHandler(new StrictErrorHandler());
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(new Client(JsonParser.parseString(line).getAsJsonObject()).told());
    }
  }

  final JsonObject asked;
  final IGenericClient client;

  Client(JsonObject asked) {
    this.asked = asked;
    client = CONTEXT.newRestfulGenericClient(text("base"));
    client.registerInterceptor(new BearerTokenAuthInterceptor(text("token")));
  }

  JsonObject told() {
    var told = new JsonObject();
    try {
      var found = new JsonArray();
      found(text("search")).forEach(each -> found.add(json(each)));
      told.add("found", found);
    } catch (BaseServerResponseException error) {
      told.addProperty("error", error.getClass().getSimpleName());
      told.addProperty("status", error.getStatusCode());
      told.add("outcome", error.getOperationOutcome() == null ? null : json(error.getOperationOutcome()));
    }
    return told;
  }

  static JsonElement json(IBaseResource resource) {
    return JsonParser.parseString(CONTEXT.newJsonParser().encodeResourceToString(resource));
  }

  List<? extends IBaseResource> found(String search) {
    return switch (search) {
      case "metadata" -> List.of(client.capabilities().ofType(CapabilityStatement.class).execute());
      case "read" -> read();
      case "part" -> List.of(client.read().resource(Slot.class).withId(text("id")).elementsSubset("start").execute());
      case "unchanged" -> List.of(
          client.read().resource(Slot.class).withId(text("id")).ifVersionMatches("1").returnNull().execute());
      case "former version" -> List.of(client.read().resource(Slot.class).withIdAndVersion(text("id"), "1").execute());
      case "create" -> List.of(client.create().resource(new Slot()).execute().getOperationOutcome());
      case "whole system" -> pages(client.search().forAllResources());
      case "practitioners" -> pages(client.search().forResource(Practitioner.class).where(byNpi(text("npi"))));
      case "schedules" -> pages(client.search().forResource(Schedule.class)
          .where(Schedule.ACTOR.hasId("Practitioner/" + text("practitioner"))).include(Schedule.INCLUDE_ACTOR).count(1));
      case "locations" ->
          pages(client.search().forResource(Location.class).where(Location.NAME.matches().value(text("place"))));
      case "of a URL" -> pages(client.search().byUrl(text("url")));
      case "of a day" -> pages(client.search().forResource(Slot.class)
          .where(Slot.SCHEDULE.hasId(text("schedule"))).and(Slot.START.exactly().day(text("day"))));
      case "of days" -> pages(client.search().forResource(Slot.class).where(Slot.SCHEDULE.hasId(text("schedule")))
          .and(Slot.START.afterOrEquals().day(text("day"))).and(Slot.START.beforeOrEquals().day(text("day"))));
      default -> pages(narrowed(search));
    };
  }

  /** A slot, its schedule and its actors, one by one, as each refers to the next. */
  List<IBaseResource> read() {
    var slot = client.read().resource(Slot.class).withId(text("id")).execute();
    var schedule =
        client.read().resource(Schedule.class).withId(slot.getSchedule().getReferenceElement().getIdPart()).execute();
    var found = new ArrayList<IBaseResource>(List.of(slot, schedule));
    for (Reference actor : schedule.getActor()) {
      var id = actor.getReferenceElement();
      found.add(client.read().resource(id.getResourceType()).withUrl(text("base") + "/" + id.getValue()).execute());
    }
    return found;
  }

  /** The free slots between two instants, by one more criterion or way to ask. */
  IQuery<IBaseBundle> narrowed(String search) {
    var slots = client.search().forResource(Slot.class)
        .where(Slot.START.afterOrEquals().millis(Date.from(Instant.parse(text("from")))))
        .and(Slot.START.before().second(Date.from(Instant.parse(text("until")))))
        .and(Slot.STATUS.exactly().code("free"))
        .count(asked.get("count").getAsInt());
    return switch (search) {
      case "of anybody" -> slots;
      case "of schedules" -> slots.and(Slot.SCHEDULE.hasAnyOfIds(texts("schedules")));
      case "of a Schedule" -> slots.and(Slot.SCHEDULE.hasId("Schedule/" + text("schedule")));
      case "of an actor" -> slots.and(ofActor(Schedule.ACTOR.hasId("Practitioner/" + text("practitioner"))));
      case "of actors" -> slots.and(ofActor(Schedule.ACTOR.hasAnyOfIds(
          "Practitioner/" + text("practitioner"), "Practitioner/" + text("another"))));
      case "at a place" -> slots.and(ofActor(Schedule.ACTOR.hasId("Location/" + text("place"))));
      case "of an identifier" -> slots.and(ofActor(Schedule.ACTOR.hasChainedProperty("Practitioner", byNpi(text("npi")))));
      case "of identifiers" -> slots.and(ofActor(Schedule.ACTOR.hasChainedProperty("Practitioner",
          Practitioner.IDENTIFIER.exactly().systemAndValues(NPI, texts("npis")))));
      case "of a typed chain" -> slots.and(Slot.SCHEDULE.hasChainedProperty("Schedule",
          Schedule.ACTOR.hasChainedProperty("Practitioner", byNpi(text("npi")))));
      case "of a typed actor's id" -> slots.and(Slot.SCHEDULE.hasChainedProperty("Schedule",
          Schedule.ACTOR.hasChainedProperty("Practitioner", Practitioner.RES_ID.exactly().code(text("practitioner")))));
      case "of a person at a place" -> slots.and(ofActor(Schedule.ACTOR.hasId("Practitioner/" + text("practitioner"))))
          .and(ofActor(Schedule.ACTOR.hasId("Location/" + text("place"))));
      case "by a form" -> slots.usingStyle(SearchStyleEnum.POST);
      case "by GET of _search" -> slots.usingStyle(SearchStyleEnum.GET_WITH_SEARCH);
      case "as JSON" -> slots.encodedJson().prettyPrint();
      case "as XML" -> slots.encodedXml();
      case "as R4" -> slots.accept("application/fhir+json; fhirVersion=4.0");
      case "not cached" -> slots.cacheControl(new CacheControlDirective().setNoCache(true).setNoStore(true));
      case "strictly" -> slots.withAdditionalHeader("Prefer", "handling=strict");
      case "with a total" -> slots.totalMode(SearchTotalModeEnum.ACCURATE);
      case "with no total" -> slots.totalMode(SearchTotalModeEnum.NONE);
      case "earliest first" -> slots.sort().ascending(Slot.START);
      case "latest first" -> slots.sort().descending(Slot.START);
      case "with schedules" -> slots.include(Slot.INCLUDE_SCHEDULE);
      case "with all that it leads to" -> slots.include(Slot.INCLUDE_SCHEDULE).include(Schedule.INCLUDE_ACTOR.asRecursive());
      case "summed up" -> slots.summaryMode(SummaryEnum.TRUE);
      case "without texts" -> slots.summaryMode(SummaryEnum.DATA);
      case "texts" -> slots.summaryMode(SummaryEnum.TEXT);
      case "counted" -> slots.summaryMode(SummaryEnum.COUNT);
      case "in part" -> slots.elementsSubset("start", "end");
      case "changed lately" -> slots.lastUpdated(new DateRangeParam("2025-01-01", null));
      case "tagged" -> slots.withTag("urn:tags", "a");
      case "without a schedule" -> slots.and(Slot.SCHEDULE.isMissing(true));
      case "from the tenth on" -> slots.offset(10);
      case "with appointments" -> slots.revInclude(new Include("Appointment:slot"));
      default -> throw new IllegalArgumentException(search);
    };
  }

  static ICriterion<?> byNpi(String npi) {
    return Practitioner.IDENTIFIER.exactly().systemAndIdentifier(NPI, npi);
  }

  static ICriterion<?> ofActor(ICriterion<?> actor) {
    return Slot.SCHEDULE.hasChainedProperty(actor);
  }

  List<Bundle> pages(IQuery<? extends IBaseBundle> search) {
    var found = new ArrayList<>(List.of(search.returnBundle(Bundle.class).execute()));
    for (Bundle last = found.get(0); last.getLink(Bundle.LINK_NEXT) != null; found.add(last)) {
      last = client.loadPage().next(last).execute();
    }
    return found;
  }

  String text(String name) {
    return asked.get(name).getAsString();
  }

  List<String> texts(String name) {
    var found = new ArrayList<String>();
    asked.getAsJsonArray(name).forEach(each -> found.add(each.getAsString()));
    return found;
  }
}
