"""Real cities: where listeners are. Latitude and longitude in degrees, and the agglomeration's people in 100,000."""

import enum
from dataclasses import dataclass
from typing import Final


class Continent(enum.Enum):
    """Where a city's cables lead."""

    NORTH_AMERICA = "North America"
    EUROPE = "Europe"
    ASIA = "Asia"
    LATIN_AMERICA = "Latin America"
    AFRICA = "Africa and the Middle East"
    OCEANIA = "Oceania"


@dataclass(frozen=True, slots=True)
class City:
    """One city."""

    name: str
    continent: Continent
    latitude: float
    longitude: float
    people: int


_NORTH_AMERICA: Final = """
New York 40.7 -74.0 195; Los Angeles 34.1 -118.2 131; Chicago 41.9 -87.6 95; Dallas 32.8 -96.8 76; Houston 29.8 -95.4 71;
Washington 38.9 -77.0 63; Philadelphia 40.0 -75.2 62; Miami 25.8 -80.2 61; Atlanta 33.7 -84.4 61; Boston 42.4 -71.1 49;
Phoenix 33.4 -112.1 49; San Francisco 37.8 -122.4 46; Detroit 42.3 -83.0 43; Seattle 47.6 -122.3 40;
Minneapolis 45.0 -93.3 37; San Diego 32.7 -117.2 33; Tampa 28.0 -82.5 32; Denver 39.7 -105.0 30; St Louis 38.6 -90.2 28;
Baltimore 39.3 -76.6 28; Charlotte 35.2 -80.8 27; Orlando 28.5 -81.4 27; San Antonio 29.4 -98.5 26; Portland 45.5 -122.7 25;
Pittsburgh 40.4 -80.0 24; Las Vegas 36.2 -115.1 23; Kansas City 39.1 -94.6 22; Salt Lake City 40.8 -111.9 13;
Nashville 36.2 -86.8 21; New Orleans 30.0 -90.1 10; Toronto 43.7 -79.4 63; Montreal 45.5 -73.6 43; Vancouver 49.3 -123.1 26;
Calgary 51.0 -114.1 15; Ottawa 45.4 -75.7 14; Halifax 44.6 -63.6 5; Anchorage 61.2 -149.9 4; Honolulu 21.3 -157.9 10
"""
_EUROPE: Final = """
London 51.5 -0.1 148; Paris 48.9 2.3 112; Madrid 40.4 -3.7 67; Barcelona 41.4 2.2 56; Milan 45.5 9.2 43; Rome 41.9 12.5 43;
Berlin 52.5 13.4 45; Frankfurt 50.1 8.7 27; Hamburg 53.6 10.0 32; Munich 48.1 11.6 29; Cologne 50.9 7.0 35;
Amsterdam 52.4 4.9 25; Brussels 50.8 4.4 21; Zurich 47.4 8.5 14; Vienna 48.2 16.4 29; Prague 50.1 14.4 22;
Warsaw 52.2 21.0 31; Budapest 47.5 19.1 25; Bucharest 44.4 26.1 18; Sofia 42.7 23.3 13; Athens 38.0 23.7 31;
Lisbon 38.7 -9.1 28; Dublin 53.3 -6.3 14; Manchester 53.5 -2.2 28; Edinburgh 56.0 -3.2 9; Stockholm 59.3 18.1 24;
Oslo 59.9 10.8 15; Copenhagen 55.7 12.6 20; Helsinki 60.2 24.9 15; Riga 56.9 24.1 6; Kyiv 50.5 30.5 30; Lyon 45.8 4.8 22;
Marseille 43.3 5.4 16; Moscow 55.8 37.6 170; St Petersburg 59.9 30.3 53; Istanbul 41.0 29.0 155; Belgrade 44.8 20.5 14
"""
_ASIA: Final = """
Tokyo 35.7 139.7 372; Osaka 34.7 135.5 190; Seoul 37.6 127.0 255; Shanghai 31.2 121.5 270; Beijing 39.9 116.4 205;
Guangzhou 23.1 113.3 190; Hong Kong 22.3 114.2 75; Taipei 25.0 121.6 70; Manila 14.6 121.0 240; Singapore 1.4 103.8 59;
Kuala Lumpur 3.1 101.7 84; Jakarta -6.2 106.8 320; Bangkok 13.8 100.5 170; Hanoi 21.0 105.8 80; Ho Chi Minh City 10.8 106.7 95;
Delhi 28.6 77.2 310; Mumbai 19.1 72.9 230; Bangalore 13.0 77.6 130; Chennai 13.1 80.3 115; Kolkata 22.6 88.4 150;
Hyderabad 17.4 78.5 100; Karachi 24.9 67.0 165; Lahore 31.5 74.3 130; Dhaka 23.8 90.4 220; Colombo 6.9 79.9 24;
Almaty 43.2 76.9 20; Novosibirsk 55.0 82.9 16
"""
_LATIN_AMERICA: Final = """
Mexico City 19.4 -99.1 220; Guadalajara 20.7 -103.3 53; Monterrey 25.7 -100.3 50; Sao Paulo -23.6 -46.6 220;
Rio de Janeiro -22.9 -43.2 135; Belo Horizonte -19.9 -43.9 60; Porto Alegre -30.0 -51.2 43; Fortaleza -3.7 -38.5 41;
Buenos Aires -34.6 -58.4 153; Santiago -33.4 -70.7 68; Lima -12.0 -77.0 110; Bogota 4.7 -74.1 112; Medellin 6.2 -75.6 40;
Quito -0.2 -78.5 19; Caracas 10.5 -66.9 29; Panama City 9.0 -79.5 19; San Jose 9.9 -84.1 14; Montevideo -34.9 -56.2 18
"""
_AFRICA: Final = """
Lagos 6.5 3.4 155; Accra 5.6 -0.2 26; Nairobi -1.3 36.8 52; Johannesburg -26.2 28.0 100; Cape Town -33.9 18.4 48;
Cairo 30.0 31.2 215; Casablanca 33.6 -7.6 38; Tunis 36.8 10.2 24; Tel Aviv 32.1 34.8 42; Dubai 25.2 55.3 35;
Riyadh 24.7 46.7 77; Tehran 35.7 51.4 95; Amman 32.0 35.9 22; Addis Ababa 9.0 38.7 52; Dakar 14.7 -17.4 32
"""
_OCEANIA: Final = """
Sydney -33.9 151.2 51; Melbourne -37.8 145.0 51; Brisbane -27.5 153.0 26; Perth -32.0 115.9 21; Adelaide -34.9 138.6 14;
Auckland -36.8 174.8 17; Wellington -41.3 174.8 4
"""


def _read(text: str, continent: Continent) -> list[City]:
    """Read `name latitude longitude people` between semicolons."""
    cities = []
    for line in text.split(";"):
        name, latitude, longitude, people = line.rsplit(maxsplit=3)
        cities.append(City(name.strip(), continent, float(latitude), float(longitude), int(people)))
    return cities


CITIES: Final[tuple[City, ...]] = (
    *_read(_NORTH_AMERICA, Continent.NORTH_AMERICA),
    *_read(_EUROPE, Continent.EUROPE),
    *_read(_ASIA, Continent.ASIA),
    *_read(_LATIN_AMERICA, Continent.LATIN_AMERICA),
    *_read(_AFRICA, Continent.AFRICA),
    *_read(_OCEANIA, Continent.OCEANIA),
)
