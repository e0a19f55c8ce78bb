"""Readers of raw files, on files of a few lines whose meaning is worked out by hand."""

import gzip

import numpy as np
import pytest

from engram.data.behaviour import checked_table, read_raw, subject_scores
from engram.data.behaviour.raw_files import RAW_FILES


@pytest.fixture
def put(tmp_path):
    def put(name, text):
        path = tmp_path / RAW_FILES[name][0]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
        return tmp_path

    return put


def columns(table, *names):
    return [[None if value != value else value for value in row] for row in table[list(names)].to_numpy().tolist()]


HEBB = "sub\tcondition\torder\tsup/nosup\t" + "\t".join(str(n) for n in range(1, 17)) + "\n"


def test_hebb(put):
    line = "{}\t{}\t1\t{}\t" + "\t".join(["{}"] * 16) + "\n"
    text = HEBB
    for subject, score in ((1, 0.5), (2, 1.0)):
        for condition, more in (("FillA", 0), ("FillB", 0.125), ("HebbEffect", 0.25)):
            for silent in ("ns", "su"):
                value = score - more if silent == "ns" else 0
                text += line.format(subject, condition, silent, *[value] * 16)
    folder = put("page2006", text)
    table = checked_table(read_raw("page2006-hebb", folder))
    assert len(table) == 2 * 3 * 2 * 16
    assert set(table["condition"]) == {"filler-a", "filler-b", "repeated"}
    scores = subject_scores("page2006-hebb", folder)
    by_list = scores.groupby(["subject", "list_type"])["score"].agg(["mean", "size"])
    assert by_list.loc[(1, "filler")].tolist() == [0.375, 16]  # FillA and suppression are left out
    assert by_list.loc[(2, "repeated")].tolist() == [0.75, 16]
    assert scores["repetition"].tolist()[:16] == list(range(1, 17))


SERIAL = (
    '"TaskType" "subj" "block" "list" "trialnumber" "length" "serpos" "word" "writtenSP" "outputorder" "TaskTypeKnow"\n'
)


def test_words_written_into_places(put):
    text = SERIAL
    for group, written in (("Known", ("2 1", "1 2")), ("Unknown", ("1 2", "-1 -1"))):
        for position, outputs in enumerate(written, start=1):
            text += f'"{group}" 1 1 1 1 2 {position} "word{position}" {outputs} 1\n'
    table = checked_table(read_raw("grenfell-essam-ward2012-serial", put("grenfell-essam-ward2012-serial", text)))
    assert table["subject"].tolist() == ["known-1", "known-1", "unknown-1", "unknown-1"]
    assert columns(table, "input_position", "output_position", "output_order", "correct") == [
        [1, 2, 1, 0],
        [2, 1, 2, 0],
        [1, 1, 2, 1],
        [2, None, None, 0],
    ]
    scores = subject_scores("grenfell-essam-ward2012-serial", put("grenfell-essam-ward2012-serial", text))
    assert columns(scores, "subject", "length", "position", "score") == [
        ["known-1", 2, 1, 0],
        ["known-1", 2, 2, 0],
        ["unknown-1", 2, 1, 1],
        ["unknown-1", 2, 2, 0],
    ]


def test_trial_numbers_that_are_used_again(put):
    """The same trial of the same list occurs in another block: another list."""
    text = (
        SERIAL.replace("TaskType", "Knownlength", 1).replace('"writtenSP" ', "").replace("TaskTypeKnow", "LengthKnow")
    )
    for block in (1, 2):
        text += f'"Known" 1 {block} 1 1 2 1 "a" {block} 1\n"Known" 1 {block} 1 1 2 2 "b" -1 1\n'
    table = checked_table(read_raw("grenfell-essam-ward2012-free", put("grenfell-essam-ward2012-free", text)))
    assert table["list"].tolist() == [1, 1, 2, 2]
    assert columns(table, "output_position", "correct") == [[1, 1], [None, 0], [2, 1], [None, 0]]


def test_fixed_columns(put):
    """Position codes: forward 1 2 2 0 5 8 7 6; backward 1 to 8; a line of 11 characters; a star."""
    folder = put("madigan1971", "012112205876\n012212345678\n0121123456\n021112*00000\n")
    table = checked_table(read_raw("madigan1971", folder))
    first = table[(table["subject"] == 1) & (table["direction"] == "forward")]
    assert columns(first, "input_position", "output_position", "repeat", "correct") == [
        [1, 1, 0, 1],
        [2, 2, 0, 1],
        [2, 3, 1, None],
        [3, None, 0, 0],
        [4, None, 0, 0],
        [5, 5, 0, 1],
        [6, 8, 0, 0],
        [7, 7, 0, 1],
        [8, 6, 0, 0],
    ]
    backward = table[table["direction"] == "backward"]
    assert backward["output_position"].tolist() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert backward["correct"].tolist() == [1] * 8
    scores = subject_scores("madigan1971-serial", folder)
    assert columns(scores, "subject", "modality", "score") == [
        *([1, "visual", score] for score in (1, 1, 0, 0, 1, 0, 1, 0)),
        *([2, "auditory", score] for score in (1, 1, 0, 0, 0, 0, 0, 0)),
    ]


def test_omissions_and_strangers(put):
    """An item at its own place counts there, though it came out before; -9 is nothing and -1 no item of the list."""
    folder = put("farrell-lewandowsky2004", " 1  0  0  3  -1  3  -9  5  6 1000 2000 3000 4000 5000 6000 \n")
    table = checked_table(read_raw("farrell-lewandowsky2004", folder))
    assert columns(table, "input_position", "output_position", "repeat", "correct", "latency") == [
        [1, None, 0, 0, None],
        [2, None, 0, 0, None],
        [3, 3, 0, 1, 3],
        [3, 1, 1, None, 1],
        [4, None, 0, 0, None],
        [5, 5, 0, 1, 5],
        [6, 6, 0, 1, 6],
        [None, 2, 0, None, 2],
    ]
    assert subject_scores("farrell-lewandowsky2004-serial", folder)["score"].tolist() == [0, 0, 1, 0, 1, 1]


FREE = (
    "subject,experiment,trial,modality,list_len,pres_rate_ms,distractor_ms,recalled_by_serialpos,"
    "final_recalled_by_serialpos,recall_order_serialpos\n"
)


def test_strings_of_recall(put):
    short = "000000000011"
    text = FREE + f"A,2V,1,v,12,1600,12000,100000000001,{short},12 -2 12 1 -999\n"
    text += f"A,2V,2,v,12,800,24000,000000000000,{'0' * 12},\n"
    text += f"B,2A,1,a,24,800,24000,{'0' * 24},{'0' * 24},\n"
    folder = put("pazdera-kahana2023", text)
    table = checked_table(read_raw("pazdera-kahana2023", folder))
    assert len(table) == 12 + 12 + 24
    first = table[(table["subject"] == "A") & (table["list"] == 1)]
    assert first["input_position"].tolist() == list(range(1, 13))
    assert first["output_position"].dropna().to_dict() == {0: 4, 11: 1}
    assert first["correct"].tolist() == [1, *[0] * 10, 1]
    assert first["final_correct"].tolist() == [0] * 10 + [1, 1]
    assert table["modality"].unique().tolist() == ["visual", "auditory"]
    scores = subject_scores("pazdera-kahana2023-free12", folder)
    assert scores["subject"].unique().tolist() == ["A"]
    assert scores["score"].tolist() == [0.5, *[0] * 10, 0.5]
    final = subject_scores("pazdera-kahana2023-final12", folder)
    assert final.columns.tolist() == ["subject", "list_position", "score"]
    assert final["score"].tolist() == [0] * 10 + [0.5, 0.5]


def test_three_presentations(put):
    text = "subject,list,item,input,output,study,recall,repeat,intrusion,condition,first_input\n"
    for item, places, output in ((0, (1, 5, 9), "2.0"), (1, (2, 4, 6), "")):
        for place in places:
            text += f"7,1,{item},{place},{output},True,{bool(output)},0,False,1,{places[0]}\n"
    folder = put("kahana-howard2005", text)
    table = checked_table(read_raw("kahana-howard2005", folder))
    assert columns(table, "condition", "input_position", "output_position", "correct", "presentations", "lag") == [
        ["long", 1, 2, 1, 3, 4],
        ["long", 2, None, 0, 3, 2],
    ]
    assert columns(subject_scores("kahana-howard2005-spacing", folder), "spacing", "score") == [["long", 0.5]]


def test_savings(put):
    folder = put("ebbinghaus1885", "hours,savings_pct,probable_error_mean,forgotten_pct\n0.5,58,1,42\n")
    table = checked_table(read_raw("ebbinghaus1885-forgetting", folder))
    assert columns(table, "subject", "delay", "correct", "probable_error") == [["Ebbinghaus", 1800, 0.58, 0.01]]
    head = "Interval,Interval secs,Ebbinghaus,Mack,Seitz,Drost,Interval days,Ebbinghaus SE,Mack SE,Seitz SE,Drost SE\n"
    folder = put("murre-dros2015", head + "20 min,1200,56,54,44,47,0.01,0.01,0.02,0.03,0.04\n")
    table = checked_table(read_raw("murre-dros2015-forgetting", folder))
    assert columns(table, "subject", "correct", "se") == [
        ["Mack", 0.54, 0.02],
        ["Seitz", 0.44, 0.03],
        ["Dros", 0.47, 0.04],
    ]


def test_nap(put):
    text = '"SubNum","SatNum","Accuracy","NumberOfTimesCued","SessionNum","TestType","Cued"\n'
    text += "1,1,1,3,1,unique,1\n1,1,0,3,1,unique,1\n1,2,0,0,1,unique,1\n1,11,1,0,2,shared,-1\n1,21,NA,0,1,novel,-1\n"
    folder = put("siefert2024", text)
    table = checked_table(read_raw("siefert2024", folder))
    assert len(table) == 4
    assert columns(subject_scores("siefert2024-tmr", folder), "cueing", "feature", "session", "score") == [
        ["cued", "unique", 1, 0.5],  # the object that was never cued is left out
        ["uncued", "shared", 2, 1],
    ]


def test_folder_may_be_the_one_above(put, tmp_path):
    put("madigan1971", "012112345678\n")
    (tmp_path / "data" / "behaviour").mkdir(parents=True)
    (tmp_path / "serial_recall_small").rename(tmp_path / "data" / "behaviour" / "serial_recall_small")
    assert len(read_raw("madigan1971", tmp_path / "data")) == 8


def test_refusals(put, tmp_path):
    with pytest.raises(ValueError, match=r'no raw file "madigan".*Did you mean "madigan1971"'):
        read_raw("madigan", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Page\.Hebb\.txt does not exist; it holds the raw data of page2006"):
        read_raw("page2006", tmp_path)
    for text in ("", "a,b\n1,2\n", "01\n"):
        with pytest.raises(ValueError, match="does not hold the raw data of page2006"):
            read_raw("page2006", put("page2006", text))
    with pytest.raises(ValueError, match='no scores of single subjects for "ebbinghaus1885-forgetting"'):
        subject_scores("ebbinghaus1885-forgetting", tmp_path)
    with pytest.raises(ValueError, match="does not hold the raw data of pazdera-kahana2023"):
        read_raw("pazdera-kahana2023", put("pazdera-kahana2023", FREE + "A,2V,1,v,12,1600,12000,100,000,1\n"))


@pytest.mark.parametrize("name", RAW_FILES)
@pytest.mark.parametrize("text", ["x", "\n\n\n", "a,b,c\n1,x,3\n", "1 2 3 x 5 6 7 8 9 10 11 12 13 14 15\n", "0" * 12])
def test_files_that_are_others_are_refused(put, name, text):
    with pytest.raises(ValueError, match=f"does not hold the raw data of {name}"):
        read_raw(name, put(name, text))


def test_cut_archive_is_refused(put):
    folder = put("kahana-howard2005", "subject,list\n" * 100)
    path = folder / RAW_FILES["kahana-howard2005"][0]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match="does not hold the raw data of kahana-howard2005"):
        read_raw("kahana-howard2005", folder)


def test_nothing_of_a_raw_file_is_changed_by_reading(put):
    folder = put("madigan1971", "012112345678\n" * 3)
    before = (folder / RAW_FILES["madigan1971"][0]).read_bytes()
    table = read_raw("madigan1971", folder)
    assert np.bincount(table["list"]).tolist() == [0, 8, 8, 8]
    assert (folder / RAW_FILES["madigan1971"][0]).read_bytes() == before
