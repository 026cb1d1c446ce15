"""A few lines in the shape of the real data sets, with their own column names."""

SPARKOV = """,trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,job,dob,trans_num,unix_time,merch_lat,merch_long,is_fraud
0,2019-01-01 00:00:18,4000000000000002,"fraud_Berg, Toll and Sons",misc_net,4.97,Ada,Brook,F,7 Elm Court,Corwin,NC,28654,36.0788,-81.1781,3495,"Designer, furniture",1988-03-09,0b242abb623afc578575680df30655b9,1325376018,36.011293,-82.048315,0
1,2019-01-01 00:00:44,60416207185,fraud_Kutch,grocery_pos,1072.3,Jonas,Hart,M,9 Canal Street,Ashford,WY,99160,48.8878,-118.2105,149,Editor,1978-06-21,1f76529f8574734946361c461b024d99,1325376044,49.159047,-118.186462,1
"""
"""As fraudTrain.csv is: an index without a name, a card of eleven digits, a comma within quotes."""

VALUES = ",".join(f"{number / 7 - 2:.13f}" for number in range(28))
CREDITCARD = "".join(
    [
        ",".join(
            f'"{name}"' for name in ("Time", *(f"V{number}" for number in range(1, 29)), "Amount", "Class")
        ),
        f'\n0,{VALUES},149.62,"0"',
        f'\n1e+05,{VALUES},25691.16,"1"\n',
    ]
)
"""As creditcard.csv is: names and labels in quotes, a time that R wrote with an exponent."""
